/** What the bridge plugin refuses, and what came to it later, beside the Go plugins. */
import t from 'tap'
import { comparePart } from './compare-part.ts'

comparePart(t, 'bridge-errors')
