/** Certificates for tests, made by openssl. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runSync } from '../../scripts/lab/run.ts'

/** A certificate authority `ca`, and of it `server` for one on loopback, and `client`: .crt and .key. */
export function makeCertificates(dir: string): void {
  const openssl = (...words: string[]) => runSync(['env', '-C', dir, 'openssl', ...words])
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const ca = ['-x509', '-days', '2', '-subj', '/CN=test-ca', '-keyout', 'ca.key', '-out', 'ca.crt']
  openssl('req', ...curve, ...ca)
  writeFileSync(join(dir, 'names'), 'subjectAltName=IP:127.0.0.1\n')
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      ...curve,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    const signed = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-days', '2', '-extfile', 'names']
    openssl('x509', '-req', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', ...signed)
  }
}
