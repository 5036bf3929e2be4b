import { resultSchema, type RawResult } from './raw-result.ts'
import { defineSchema } from './schema.ts'

export const confSchema = defineSchema<RawResult>(resultSchema)
