import { type RawResult, resultSchema } from './raw-result.ts'
import { defineSchema } from './schema.ts'

export const confSchema = defineSchema<RawResult>(resultSchema)
