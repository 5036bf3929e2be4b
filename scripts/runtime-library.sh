#!/bin/sh
# The pinned Node and the executables need libatomic.so.1, which a plain Debian does not have.
set -e
node=node_modules/.bin/node
"$node" --version >/dev/null 2>&1 && exit
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes libatomic1
fi
"$node" --version >/dev/null || {
  echo "install libatomic.so.1, in Debian the package libatomic1, and run make again" >&2
  exit 1
}
