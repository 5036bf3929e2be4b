/** Addresses, routes and CHECK of the bridge plugin, beside the Go plugins. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'bridge-addresses')
