/** Tables, chains and rules of the packet filter on the wire (linux/netfilter/nf_tables.h). */
import { attribute, attributeSet, withAttributes } from './attribute.ts'
import { bigEndian32, messageType, nfgenmsg } from './netfilter.ts'
import { zeroTerminated } from './payload.ts'

// enum nf_tables_msg_types
export const NFT_MSG_GETTABLE = messageType('nftables', 1)
export const NFT_MSG_GETCHAIN = messageType('nftables', 4)
export const NFT_MSG_GETRULE = messageType('nftables', 7)
export const NFT_MSG_GETGEN = messageType('nftables', 16)

// linux/netfilter.h: what becomes of packets that no rule of a chain decides about
export const NF_DROP = 0

/** The codec of table messages, as far as tables are asked for by name. */
export const tableMessage = withAttributes(
  nfgenmsg,
  // enum nft_table_attributes
  attributeSet({ name: attribute(1, 'NFTA_TABLE_NAME', zeroTerminated) }),
)

/** The codec of chain messages, as far as chains are asked for by name. */
export const chainMessage = withAttributes(
  nfgenmsg,
  // enum nft_chain_attributes
  attributeSet({
    table: attribute(1, 'NFTA_CHAIN_TABLE', zeroTerminated),
    name: attribute(3, 'NFTA_CHAIN_NAME', zeroTerminated),
    policy: attribute(5, 'NFTA_CHAIN_POLICY', bigEndian32),
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

/** The codec of messages about the generation: a number that each change of nf_tables makes another. */
export const generationMessage = withAttributes(
  nfgenmsg,
  // enum nft_gen_attributes
  attributeSet({ id: attribute(1, 'NFTA_GEN_ID', bigEndian32) }),
)
