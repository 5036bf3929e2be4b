import type { Dns } from '../../lib/cni/result.ts'

/**
 * Reads the text of a resolv.conf(5) into a result's `dns`: all name servers, the last domain, and
 * the search domains and options of all lines. Lines that say nothing are skipped.
 */
export function parseResolvConf(text: string): Dns {
  const nameservers: string[] = []
  const search: string[] = []
  const options: string[] = []
  let domain = ''
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line.trim().split(/\s+/)
    const [first] = values
    if (first === undefined || keyword.startsWith('#') || keyword.startsWith(';')) continue
    if (keyword === 'nameserver') nameservers.push(first)
    else if (keyword === 'domain') domain = first
    else if (keyword === 'search') search.push(...values)
    else if (keyword === 'options') options.push(...values)
  }
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain !== '' && { domain }),
    ...(search.length > 0 && { search }),
    ...(options.length > 0 && { options }),
  }
}
