#!/usr/bin/env bash
# The README's two commands in a Debian that never saw the project: bootstrapped, with a Rust toolchain and nothing else.
#   tests/fresh-debian.sh [bookworm|trixie] [demo|test|both]
# Needs root, debootstrap, and the toolchain that rust-toolchain.toml names on this machine. Takes the committed state.
set -euo pipefail
release=${1:-bookworm}
what=${2:-both}
repository=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d "${TMPDIR:-/tmp}/fresh-$release.XXXXXX")

clean_up() {
  for mount in proc sys dev/shm dev/pts dev; do
    mountpoint -q "$place/$mount" && umount --lazy "$place/$mount"
  done
  mountpoint -q "$place" && umount --lazy "$place"
  [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$place"
}
trap clean_up EXIT

echo "bootstrapping $release into $place"
# A Rust toolchain links with a C compiler: that much is part of "a Rust toolchain".
debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev,git "$release" "$place" >"$place.log" 2>&1 \
  || { tail -n 20 "$place.log"; exit 1; }
rm -f "$place.log"
# A machine's root is a mount point of its own; `unshare --mount` insists on it.
mount --bind "$place" "$place"
mount --make-private "$place"
mount -t proc proc "$place/proc"
mount -t sysfs sysfs "$place/sys"
mount --bind /dev "$place/dev"
mount --make-private "$place/dev"
mount -t tmpfs tmpfs "$place/dev/shm"
cp -L /etc/resolv.conf "$place/etc/resolv.conf"
# A company's own root certificates are part of its machines.
cp -L /etc/ssl/certs/ca-certificates.crt "$place/etc/ssl/certs/ca-certificates.crt"
toolchain=$(cd "$repository" && rustc --print sysroot)
mkdir -p "$place/opt/rust" "$place/src"
cp -a "$toolchain/." "$place/opt/rust/"
git clone -q "$repository" "$place/src/coexist"

inside() {
  chroot "$place" env -i HOME=/root TERM=dumb PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt ${CI:+CI="$CI"} \
    bash -c "cd /src/coexist && $1"
}
if [ "$what" != test ]; then
  echo "== cargo xtask demo"
  time inside "cargo xtask demo"
fi
if [ "$what" != demo ]; then
  echo "== cargo xtask test"
  time inside "cargo xtask test"
fi
