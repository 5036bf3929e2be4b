/** Masquerading and the check of MACs, beside the Go plugins. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'firewall')
