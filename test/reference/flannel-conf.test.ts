/** What flannel makes of subnet.env and configurations, beside what Go's has made of them. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'flannel-conf')
