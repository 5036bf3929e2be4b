/** Calls of the bridge plugin in any order, on nodes that others change, beside the Go plugins. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'bridge-lives')
