/** What `cni --help` prints. */
export const usage = `\
Usage: cni COMMAND NETWORK [NETNS] [-i IFNAME]

Attaches a network namespace to a network by hand, as a container runtime does.

Commands:
  add NETWORK NETNS     attach the namespace, and print the result
  check NETWORK NETNS   check that the attachment is as it was made
  del NETWORK NETNS     remove the attachment
  status NETWORK        say whether the network is ready for attachments
  gc NETWORK            remove what is left of attachments whose namespace is gone
  version               print the version, and the CNI versions spoken

NETWORK is the "name" of a configuration; NETNS is the path of a network
namespace, such as /run/netns/NAME or /proc/PID/ns/net.

Options:
  -i, --ifname IFNAME   name of the interface in the namespace (default: eth0)
  -h, --help            print this text
      --version         the same as the command

Environment:
  NETCONFPATH    folder of configurations (default: /etc/cni/net.d)
  CNI_PATH       folders of plugins, separated by colons
                 (default: the folder of this command, then /opt/cni/bin)
  CNI_IFNAME     the same as --ifname
  CNI_ARGS       arguments for the plugins: KEY=VALUE;KEY=VALUE
  CAP_ARGS       data by capability, as JSON: {"portMappings": [...]}
  CNI_CACHE_DIR  folder of what is attached (default: /var/lib/cni)
  CNI_LOG_LEVEL  "debug" makes the plugins say what they do

check and del use the CNI_ARGS and CAP_ARGS of the add when they get none.
`
