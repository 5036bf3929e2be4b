import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { encodeJson, isObject, sortKeys } from '../../../lib/base/json.ts'

t.test('escapes what Go escapes', async (t) => {
  t.equal(encodeJson('<a> & \u2028\u2029'), '"\\u003ca\\u003e \\u0026 \\u2028\\u2029"')
  t.equal(encodeJson('ä"\\/\n'), '"ä\\"\\\\/\\n"')
  t.equal(encodeJson({ '<': 1 }), '{"\\u003c":1}')
})

t.test('indents when asked to', async (t) => {
  t.equal(encodeJson({ a: [1], b: {} }), '{"a":[1],"b":{}}')
  t.equal(encodeJson({ a: [1] }, 4), '{\n    "a": [\n        1\n    ]\n}')
})

t.test('is JSON that says the same', async (t) => {
  const same = fc.property(fc.jsonValue(), (value) => {
    const text = encodeJson(value)
    return !/[<>&]/.test(text) && text === encodeJson(JSON.parse(text))
  })
  t.doesNotThrow(() => fc.assert(same))
})

t.test('sorts the keys of every object by their bytes', async (t) => {
  const value = { b: [{ z: 1, 'a-b': 2, a_b: 3 }], B: { é: 1, z: null }, '': 0, 'io.k8s': 1 }
  t.equal(
    JSON.stringify(sortKeys(value)),
    '{"":0,"B":{"z":null,"é":1},"b":[{"a-b":2,"a_b":3,"z":1}],"io.k8s":1}',
  )
  // U+FF5E is three bytes from 0xef on, U+1F600 four from 0xf0 on; as UTF-16 they sort otherwise.
  t.strictSame(Object.keys(sortKeys({ '😀': 1, '～': 2 }) as object), ['～', '😀'])
  t.strictSame(Object.keys(sortKeys(JSON.parse('{"a":1,"__proto__":2}')) as object), [
    '__proto__',
    'a',
  ])
})

t.test('changes nothing but the order', async (t) => {
  const same = fc.property(fc.jsonValue(), (value) => isDeepStrictEqual(sortKeys(value), value))
  t.doesNotThrow(() => fc.assert(same))
})

t.test('tells an object from the rest', async (t) => {
  t.ok(isObject({}))
  for (const value of [null, [], 'x', 5, true, undefined]) t.notOk(isObject(value))
})
