/** What `cni --help` prints. */
export const usage = `\
Usage: cni COMMAND [NETWORK [NETNS]] [OPTIONS]

Attaches network namespaces to networks by hand, as a container runtime does,
and looks after the plugins on this node.

Commands about a network:
  add NETWORK NETNS     attach the namespace, and print the result
  check NETWORK NETNS   check that the attachment is as it was made
  del NETWORK NETNS     remove the attachment
  status NETWORK        say whether the network is ready for attachments
  gc NETWORK            remove what is left of attachments whose namespace is gone

NETWORK is the "name" of a configuration; NETNS is the path of a network
namespace, such as /run/netns/NAME or /proc/PID/ns/net.

Commands about this node:
  ps                    list the attachments, whoever made them, and how they are
  install               put the executables and 10-flannel.conflist in place, by
                        rename and never over a newer version, and verify them
  uninstall             remove the networks of flannel: configuration, bridge, host
                        ends, rules and state; and the executables of this version
  serve                 serve the calls of plugins until SIGTERM, so that none of them
                        has to start Node
  version               print the version, the CNI versions spoken, and whether
                        calls are served

Options:
  -i, --ifname IFNAME   name of the interface in the namespace (default: eth0)
      --json            ps: print JSON
      --bin-dir DIR     (un)install: folder of executables (default: /opt/cni/bin)
      --conf-dir DIR    (un)install: folder of configurations (default: /etc/cni/net.d)
      --conflist FILE   install: this configuration in place of our own, which never
                        replaces one that differs
      --socket PATH     serve: where to listen, in place of FLANNEL_CNI_SOCKET
      --dry-run         uninstall: list what would be removed, and remove nothing
      --force           uninstall: also while pods are attached, which cuts them off
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
  CNI_BIN_DIR    the same as --bin-dir
  CNI_CONFLIST   the same as --conflist
  CNI_LOG_LEVEL  "debug" makes the plugins say what they do, "trace" also what each
                 stage of a call takes
  FLANNEL_CNI_SOCKET
                 where cni serve listens, and plugins look for it (default:
                 /run/flannel-cni/cni.sock); when it is empty they do not look,
                 and cni serve does not start without --socket

check and del use the CNI_ARGS and CAP_ARGS of the add when they get none.

The exit status is 0, or 1 when the command has failed, which stderr explains, or 2
when it was not understood. What is wrong with attachments is no failure of ps.

ps --json prints a list with one object for each attachment. Every key is always
there; what is not known is null, or an empty list.
  pod          {"namespace", "name"} as a runtime of Kubernetes gives them
  containerId, network, ifName
  netns        path of the network namespace
  hostVeth     the host's end of the veth pair
  addresses    with prefix when the result is known
  hostPorts    [{"hostIP" ("" for all), "hostPort", "containerPort", "protocol"}]
  since        when it was made: 2026-01-31T12:00:00.000Z
  healthy      true or false
  problem      what is wrong, in a few words
`
