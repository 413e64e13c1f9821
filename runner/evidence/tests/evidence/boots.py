"""Prints the records and the boots of a System log as JSON, read with python-evtx.

The rules are not the program's: every start of the log's service (6005) is a boot; what happened is looked for around it.
"""

import json
import re
import sys
import xml.etree.ElementTree as tree

import Evtx.Evtx as evtx

NS = "{http://schemas.microsoft.com/win/2004/08/events/event}"
AROUND = 200


def text(node, name):
    found = node.find(NS + name)
    return None if found is None else found.text


def read(path):
    with evtx.Evtx(path) as log:
        for chunk in log.chunks():
            for record in chunk.records():
                event = tree.fromstring(record.xml())
                system = event.find(NS + "System")
                data = event.find(NS + "EventData")
                fields = {} if data is None else {item.get("Name"): item.text for item in data}
                yield {
                    "record": record.record_num(),
                    "provider": system.find(NS + "Provider").get("Name").lower(),
                    "id": int(text(system, "EventID")),
                    "time": system.find(NS + "TimeCreated").get("SystemTime"),
                    "channel": text(system, "Channel"),
                    "data": fields,
                }


def boots(records):
    def of(provider, number):
        return [it for it in records if it["provider"] == provider.lower() and it["id"] == number]

    starts = of("EventLog", 6005)
    kernel = of("Microsoft-Windows-Kernel-General", 12)
    edges = [start["record"] for start in starts]
    told = []
    for index in range(len(starts) + 1):
        begins = edges[index - 1] if index else records[0]["record"]
        boot = {"ended": None}
        if index:
            nearest = min(kernel, key=lambda it: abs(it["record"] - begins))
            boot["started"] = nearest["data"]["StartTime"]
        if index == len(starts):
            boot["ended"] = "running"
        else:
            edge = edges[index]

            def behind(provider, number):
                found = [it for it in of(provider, number) if -8 <= it["record"] - edge <= AROUND]
                return found[0] if found else None

            power = behind("Microsoft-Windows-Kernel-Power", 41)
            report = behind("Microsoft-Windows-WER-SystemErrorReporting", 1001)
            stopped = [it for it in of("EventLog", 6006) if begins <= it["record"] <= edge]
            if power is not None:
                code = int(power["data"]["BugcheckCode"])
                boot["ended"] = "bugcheck" if code else "power-loss"
                if code:
                    boot["stop_code"] = code
            elif stopped:
                boot["ended"] = "clean"
            if report is not None:
                words = re.findall("0x[0-9a-f]+", report["data"]["param1"])
                boot["parameters"] = [int(word, 16) for word in words[1:]]
                boot["dump"] = report["data"]["param2"]
        if index or records[0]["record"] < min(edges[0] - 1, kernel[0]["record"]):
            told.append(boot)
    return told


records = list(read(sys.argv[1]))
print(json.dumps({"records": [it["record"] for it in records], "boots": boots(records)}))
