import { type RawRoute, routesSchema } from '../../lib/cni/raw-result.ts'
import { defineSchema } from '../../lib/cni/schema.ts'

/** The one key of `ipam` that the flannel plugin reads itself. */
export const confSchema = defineSchema<{ routes?: RawRoute[] }>({
  type: 'object',
  properties: { routes: routesSchema },
})
