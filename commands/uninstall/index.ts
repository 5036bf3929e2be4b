/**
 * `cni uninstall`: removes what the plugins have made on this node, and the plugins. What others
 * have made stays.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import { Tools } from '../../lib/firewall/node-tool.ts'
import { readConfFiles } from '../../lib/libcni/conf-dir.ts'
import { type NetworkConfigList, parseConfList } from '../../lib/libcni/conf-list.ts'
import type { Runtime } from '../../lib/libcni/runtime.ts'
import { addressList } from '../../lib/net/address.ts'
import type { Link } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { conflistText } from '../install/conflist-text.ts'
import type { NodeAttachment } from '../node/attachments.ts'
import { networksDirsOf } from '../node/reservations.ts'
import { type Survey, surveyNode } from '../node/survey.ts'
import type { Package } from '../package.ts'
import { conflistName, type Folders } from '../settings.ts'
import { planAttachments } from './attachments.ts'
import { planExecutables, planPath } from './executables.ts'
import { planFirewall } from './firewall.ts'
import { type Bridges, findBridges, planLinks, unknownPorts } from './links.ts'
import { type Network, networksOf } from './networks.ts'
import { attachedPods, foreignFlannel, foreignPorts } from './obstacles.ts'
import type { Removal, Say } from './removal.ts'
import { planSocket } from './socket.ts'
import { planState, savedNetworks } from './state.ts'

/** The node as it is to be left. */
export interface Installation {
  readonly own: Package
  readonly folders: Folders
  /** Where fronts look for a server; empty when they do not. */
  readonly socket: string
  /** Calls the plugins, and keeps what is attached. */
  readonly runtime: Runtime
}

/** What is there, and whose. */
interface Found {
  /** Files of configurations that call flannel, and what `cni install` has put beside them. */
  readonly confPaths: readonly string[]
  readonly lists: readonly NetworkConfigList[]
  readonly networks: readonly Network[]
  readonly bridges: Bridges
  /** Those of the networks. */
  readonly attachments: readonly NodeAttachment[]
  readonly survey: Survey
}

/**
 * Lists what is to be removed and, unless it is a dry run, removes it; all of it is tried. Throws a
 * `CniError` before anything is changed when the networks are in use, unless that is forced.
 */
export function uninstall(
  installation: Installation,
  { dryRun, force }: { readonly dryRun: boolean; readonly force: boolean },
  say: Say,
): void {
  const found = lookAround(installation)
  const plan = makePlan(installation, found, say)
  if (plan.length === 0) return say('nothing to remove')
  const obstacles = findObstacles(installation, found)
  say(dryRun ? 'would remove:' : 'to be removed:')
  for (const { what } of plan) say(`  ${what}`)
  if (dryRun) {
    for (const obstacle of obstacles) say(`only with --force, because of ${obstacle}`)
    return
  }
  if (obstacles.length > 0 && !force) throw inUse(obstacles)
  attemptAll(
    plan.map(
      ({ what, remove }) =>
        () =>
          withPrefix(`${what}: `, remove),
    ),
  )
  say('removed')
}

function lookAround({ folders: { confDir }, runtime }: Installation): Found {
  const { cache, log } = runtime
  const files = readConfFiles(confDir, log).filter(({ list }) => networksOf(list).length > 0)
  const configured = files.map(({ list }) => list)
  const shipped = parseConfList(conflistText)
  // An uninstallation that was interrupted has removed the configuration first.
  const known = [...configured, shipped].flatMap(networksOf)
  // Those that are left are told of by the saved configurations of their attachments alone.
  const networks = [...known, ...savedNetworks(known)]
  const networksDirs = networksDirsOf(networks.flatMap(({ calls }) => calls))
  const attempt = <T>(what: string, read: () => T[]) => withPrefix(`${what} cannot be read: `, read)
  const survey = surveyNode({ cache, networksDirs, log }, attempt)
  const attachments = survey.attachments.filter(({ network }) =>
    networks.some(({ name }) => name === network),
  )
  const isLeft = attachments.some(({ network }) => network === shipped.name)
  const isConfigured = configured.some(({ name }) => name === shipped.name)
  return {
    confPaths: [...files.map(({ file }) => file), ...besideConflist(confDir)],
    lists: isLeft && !isConfigured ? [...configured, shipped] : configured,
    networks,
    bridges: lookForBridges(networks, survey.links),
    attachments,
    survey,
  }
}

function lookForBridges(networks: readonly Network[], links: readonly Link[]): Bridges {
  using host = Connection.open()
  return findBridges(networks, links, ({ index }) => addressList(host, index))
}

/** What `cni install` has put beside its configuration. */
function besideConflist(confDir: string): string[] {
  return [`${conflistName}.new`, `.${conflistName}.tmp`, `.${conflistName}.new.tmp`]
    .map((name) => join(confDir, name))
    .filter((path) => existsSync(path))
}

/** The configuration goes first: from then on no runtime attaches another pod. */
function makePlan(installation: Installation, found: Found, say: Say): Removal[] {
  const { own, folders, socket, runtime } = installation
  const { confPaths, lists, networks, bridges, attachments, survey } = found
  for (const { name } of bridges.others) {
    say(`keeping bridge ${name}: it is not known to be made by the bridge plugin`)
  }
  return [
    ...confPaths.map(planPath),
    ...planAttachments(runtime, lists, attachments),
    ...planLinks(bridges, attachments, survey.links),
    ...planFirewall(new Tools(runtime.env['PATH']), say),
    ...planState(networks, say, runtime.log),
    ...planExecutables(own, folders.binDir, say),
    ...planSocket(socket, say),
  ]
}

function findObstacles({ own, folders }: Installation, found: Found): string[] {
  const { bridges, attachments, survey } = found
  return [
    ...attachedPods(attachments),
    ...foreignPorts(unknownPorts(bridges, attachments, survey.links)),
    ...foreignFlannel(own, folders.binDir),
  ]
}

function inUse(obstacles: readonly string[]): CniError {
  return new CniError(
    ErrorCode.tryAgainLater,
    `nothing was removed, because of ${obstacles.join('; ')}`,
    'drain the node and try again, or add --force, which cuts these pods off',
  )
}
