/** Rules and chains of the packet filter on the wire (linux/netfilter/nf_tables.h). */
import { attribute, attributeSet, withAttributes } from './attribute.ts'
import { messageType, nfgenmsg } from './netfilter.ts'
import { zeroTerminated } from './payload.ts'

// enum nf_tables_msg_types
export const NFT_MSG_GETCHAIN = messageType('nftables', 4)
export const NFT_MSG_GETRULE = messageType('nftables', 7)

/** The codec of chain messages, as far as chains are asked for by name. */
export const chainMessage = withAttributes(
  nfgenmsg,
  // enum nft_chain_attributes
  attributeSet({
    table: attribute(1, 'NFTA_CHAIN_TABLE', zeroTerminated),
    name: attribute(3, 'NFTA_CHAIN_NAME', zeroTerminated),
  }),
)

/** The codec of rule messages, as far as rules are asked for by where they are. */
export const ruleMessage = withAttributes(
  nfgenmsg,
  // enum nft_rule_attributes
  attributeSet({
    table: attribute(1, 'NFTA_RULE_TABLE', zeroTerminated),
    chain: attribute(2, 'NFTA_RULE_CHAIN', zeroTerminated),
  }),
)
