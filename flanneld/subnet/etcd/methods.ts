/** The methods of etcd's API that the subnet manager calls: etcd's rpc.proto. */
import type { Method } from './grpc.ts'
import * as messages from './messages.ts'
import type { MessageType } from './protobuf.ts'

function method<Q, A>(
  path: string,
  request: MessageType<Q>,
  response: MessageType<A>,
): Method<Q, A> {
  return { path: `/etcdserverpb.${path}`, request, response }
}

export const range = method('KV/Range', messages.rangeRequest, messages.rangeResponse)
export const put = method('KV/Put', messages.putRequest, messages.putResponse)
export const remove = method('KV/DeleteRange', messages.deleteRequest, messages.deleteResponse)
export const transaction = method(
  'KV/Txn',
  messages.transactionRequest,
  messages.transactionResponse,
)
export const leaseGrant = method(
  'Lease/LeaseGrant',
  messages.leaseGrantRequest,
  messages.leaseGrantResponse,
)
export const leaseRevoke = method(
  'Lease/LeaseRevoke',
  messages.leaseRequest,
  messages.emptyResponse,
)
export const leaseKeepAlive = method(
  'Lease/LeaseKeepAlive',
  messages.leaseRequest,
  messages.leaseTtlResponse,
)
export const leaseTimeToLive = method(
  'Lease/LeaseTimeToLive',
  messages.leaseRequest,
  messages.leaseTtlResponse,
)
export const authenticate = method(
  'Auth/Authenticate',
  messages.authenticateRequest,
  messages.authenticateResponse,
)
export const watch = {
  ...method('Watch/Watch', messages.watchRequest, messages.watchResponse),
  lasts: true,
}
