/** The addresses that host-local gives, and what it keeps on disk, beside the Go plugins. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'host-local-store')
