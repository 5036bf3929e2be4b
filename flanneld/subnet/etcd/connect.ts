/** The client of etcd that flanneld's options ask for. */
import { X509Certificate } from 'node:crypto'
import type { SecureClientSessionOptions } from 'node:http2'
import { createSecureContext } from 'node:tls'
import { DetailedError, errorText } from '../../../lib/base/errors.ts'
import { readSmallFile } from '../../../lib/base/files.ts'
import type { Options } from '../../options.ts'
import { EtcdClient, type EtcdOptions } from './client.ts'

/** The options that say how to reach etcd. */
export type EtcdFlags = Pick<
  Options,
  | 'etcd-endpoints'
  | 'etcd-keyfile'
  | 'etcd-certfile'
  | 'etcd-cafile'
  | 'etcd-username'
  | 'etcd-password'
>

type FileFlag = 'etcd-keyfile' | 'etcd-certfile' | 'etcd-cafile'

/**
 * A client, which connects with its first call. Throws a `DetailedError` that names the option when
 * one is missing that belongs to another, when an endpoint is no URL, and when a file cannot be used.
 */
export function connectEtcd(flags: EtcdFlags): EtcdClient {
  return new EtcdClient(etcdOptions(flags))
}

/** The same as `connectEtcd`, without a client. */
export function etcdOptions(flags: EtcdFlags): EtcdOptions {
  requireBoth(flags, 'etcd-keyfile', 'etcd-certfile')
  requireBoth(flags, 'etcd-username', 'etcd-password')
  const tls = tlsOptions(flags)
  const { 'etcd-username': name, 'etcd-password': password } = flags
  return {
    endpoints: parseEndpoints(flags['etcd-endpoints'], tls === undefined ? 'http' : 'https'),
    ...(tls && { tls }),
    ...(name !== '' && { user: { name, password } }),
  }
}

function requireBoth(flags: EtcdFlags, one: keyof EtcdFlags, other: keyof EtcdFlags): void {
  if ((flags[one] === '') === (flags[other] === '')) return
  const [given, missing] = flags[one] === '' ? [other, one] : [one, other]
  throw new DetailedError(`--${given} is given, and --${missing} is not`, 'give both, or neither')
}

/** URLs; one without a scheme has that of the other options. */
function parseEndpoints(list: string, scheme: 'http' | 'https'): string[] {
  const texts = list.split(',').map((text) => text.trim())
  const endpoints = texts.filter((text) => text !== '').map((text) => parseEndpoint(text, scheme))
  if (endpoints.length > 0) return endpoints
  throw new DetailedError('--etcd-endpoints is empty', `expected URLs such as ${example}`)
}

const example = 'https://192.0.2.10:2379,https://192.0.2.11:2379'

function parseEndpoint(text: string, scheme: 'http' | 'https'): string {
  const url = URL.parse(text.includes('://') ? text : `${scheme}://${text}`)
  const isPlain = url !== null && /^\/?$/.test(url.pathname) && url.search === '' && url.hash === ''
  if (isPlain && /^https?:$/.test(url.protocol)) return url.origin
  throw new DetailedError(
    `--etcd-endpoints has ${JSON.stringify(text)}`,
    `expected URLs such as ${example}`,
  )
}

function tlsOptions(flags: EtcdFlags): SecureClientSessionOptions | undefined {
  const [ca, cert, key] = [
    readFlag(flags, 'etcd-cafile'),
    readFlag(flags, 'etcd-certfile'),
    readFlag(flags, 'etcd-keyfile'),
  ]
  if (ca === undefined && cert === undefined) return undefined
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  try {
    createSecureContext(tls)
    if (ca !== undefined) new X509Certificate(ca) // which the line above passes over if broken
  } catch (error) {
    const names = (['etcd-cafile', 'etcd-certfile', 'etcd-keyfile'] as const)
      .filter((name) => flags[name] !== '')
      .map((name) => flags[name])
    throw new DetailedError(
      `${names.join(', ')}: ${errorText(error)}`,
      'expected PEM, and a key that belongs to the certificate',
    )
  }
  return tls
}

function readFlag(flags: EtcdFlags, name: FileFlag): string | undefined {
  const path = flags[name]
  if (path === '') return undefined
  let text: string
  try {
    text = readSmallFile(path)
  } catch (error) {
    throw new DetailedError(
      `--${name}: ${errorText(error)}`,
      'expected a file in PEM that flanneld can read',
    )
  }
  if (text.includes('-----BEGIN ')) return text
  throw new DetailedError(`--${name}: ${path} has no "-----BEGIN "`, 'expected a file in PEM')
}
