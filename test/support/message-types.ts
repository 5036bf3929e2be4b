/** Message types of linux/rtnetlink.h, which strace does not name for sockets that it has not seen. */
export const messageTypes: Readonly<Record<string, string>> = {
  '0x10': 'RTM_NEWLINK',
  '0x11': 'RTM_DELLINK',
  '0x12': 'RTM_GETLINK',
  '0x14': 'RTM_NEWADDR',
  '0x15': 'RTM_DELADDR',
  '0x16': 'RTM_GETADDR',
  '0x18': 'RTM_NEWROUTE',
  '0x19': 'RTM_DELROUTE',
  '0x1a': 'RTM_GETROUTE',
}
