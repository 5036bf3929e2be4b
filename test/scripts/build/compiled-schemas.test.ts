import t from 'tap'
import { type ConfSchema, defineSchema } from '../../../lib/cni/schema.ts'
import { compiledModule } from '../../../scripts/build/compiled-schemas.ts'

const schema = {
  type: 'object',
  required: ['type'],
  properties: {
    type: { enum: ['bridge', 'ptp'] },
    mtu: { type: 'integer' },
    ipam: { type: 'object', properties: { routes: { type: 'array', items: { type: 'object' } } } },
  },
}

t.test('a compiled schema judges as the schema does at run time', async (t) => {
  const source = `data:text/javascript,${encodeURIComponent(compiledModule(schema))}`
  const { confSchema }: { confSchema: ConfSchema<unknown> } = await import(source)
  const reference = defineSchema(schema)
  t.same(confSchema.schema, schema)
  for (const value of [
    { type: 'bridge' },
    { type: 'ptp', mtu: 1450, unknown: true },
    { type: 'host' },
    { type: 'bridge', mtu: '1450' },
    { type: 'bridge', ipam: { routes: [{}, 1] } },
    {},
    null,
  ]) {
    t.equal(confSchema.validate(value), reference.validate(value), JSON.stringify(value))
    t.same(confSchema.validate.errors, reference.validate.errors)
  }
})
