/** The lives of flannel's attachments, beside what Go's has made of them. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'flannel-commands')
