"""Reads a 64-bit small dump with nothing but struct and prints what it holds as JSON.

Written from the published layout table, not from the writer: python3 read_small_dump.py FILE
"""
import json
import struct
import sys


def fail(text):
    sys.exit("not a small dump: " + text)


data = open(sys.argv[1], "rb").read()


def u16(at):
    return struct.unpack_from("<H", data, at)[0]


def u32(at):
    return struct.unpack_from("<I", data, at)[0]


def u64(at):
    return struct.unpack_from("<Q", data, at)[0]


if data[:8] != b"PAGEDU64":
    fail("signature")
if u32(0xF98) != 4:
    fail("type %d" % u32(0xF98))
triage = 0x2000
names = (
    "service_pack size valid context exception mm unloaded prcb process thread stack stack_size "
    "drivers driver_count pool pool_size broken options"
).split()
t = dict(zip(names, struct.unpack_from("<18I", data, triage)))
if data[t["valid"] : t["valid"] + 4] != b"TRGD":
    fail("no TRGD")
if t["valid"] != t["size"] - 4 or t["size"] > len(data):
    fail("sizes")
if t["pool"] != t["drivers"] + 0x90 * t["driver_count"]:
    fail("driver entries are not 0x90 bytes long")


def string(at):
    if not t["pool"] <= at < t["pool"] + t["pool_size"]:
        fail("name outside the pool")
    length = u32(at)
    text = data[at + 4 : at + 4 + 2 * length].decode("utf-16-le")
    if u16(at + 4 + 2 * length) != 0:
        fail("name without NUL")
    return text


drivers = []
for index in range(t["driver_count"]):
    at = t["drivers"] + 0x90 * index
    drivers.append(
        {
            "name": string(u32(at)),
            "base": u64(at + 0x38),
            "size": u32(at + 0x48),
            "checksum": u32(at + 0x80),
            "timestamp": u32(at + 0x88),
        }
    )
unloaded = []
for index in range(u32(t["unloaded"])):
    at = t["unloaded"] + 8 + 0x38 * index
    unloaded.append(
        {
            "name": data[at + 0x10 : at + 0x10 + u16(at)].decode("utf-16-le"),
            "start": u64(at + 0x28),
            "end": u64(at + 0x30),
        }
    )
debugger = u32(triage + 0x70)
if data[debugger + 0x10 : debugger + 0x14] != b"KDBG":
    fail("no KDBG")
blocks = []
for index in range(u32(triage + 0x7C)):
    at = u32(triage + 0x78) + 16 * index
    blocks.append({"address": u64(at), "size": u32(at + 12)})
    if u32(at + 8) + u32(at + 12) > t["size"]:
        fail("data block outside")
secondary = data[t["size"] : t["size"] + 8].decode("latin-1")
name_at = t["process"] + {17763: 0x450, 19041: 0x5A8}[u32(0x0C)]
order = sorted(["mm", "prcb", "process", "thread", "stack", "unloaded", "drivers", "pool"], key=lambda key: t[key])
print(
    json.dumps(
        {
            "build": u32(0x0C),
            "machine": u32(0x30),
            "processors": u32(0x34),
            "stop_code": u32(0x38),
            "parameters": [u64(0x40 + 8 * index) for index in range(4)],
            "comment": data[0xFB0:0xFB8].decode("latin-1"),
            "required_space": u64(0xFA0),
            "length": len(data),
            "system_time": u64(0xFA8),
            "uptime_100ns": u64(0x1030),
            "attributes": u32(0x1050),
            "rsp": u64(0x348 + 0x98),
            "rip": u64(0x348 + 0xF8),
            "exception": u32(0xF00),
            "kernel_base": u64(debugger + 0x18),
            "stack_top": u64(triage + 0x48),
            "stack": data[t["stack"] : t["stack"] + t["stack_size"]].hex(),
            "process": data[name_at : name_at + 15].split(b"\0")[0].decode("latin-1"),
            "drivers": drivers,
            "unloaded": unloaded,
            "blocks": blocks,
            "order": order,
            "secondary": secondary,
        }
    )
)
