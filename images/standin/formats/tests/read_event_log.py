"""Prints every record of an .evtx file as a JSON object a line, read with python-evtx, and checks the checksums."""
import json
import sys
import xml.etree.ElementTree as tree

import Evtx.Evtx as evtx

NS = "{http://schemas.microsoft.com/win/2004/08/events/event}"

with evtx.Evtx(sys.argv[1]) as log:
    header = log.get_file_header()
    if not header.verify():
        sys.exit("file header does not verify")
    for chunk in header.chunks():
        if not chunk.verify():
            sys.exit("chunk does not verify")
    if header.chunk_count() != len(list(header.chunks())):
        sys.exit("chunk count")
    for record in log.records():
        if not record.verify():
            sys.exit("record %d does not verify" % record.record_num())
        event = tree.fromstring(record.xml())
        system = event.find(NS + "System")
        provider = system.find(NS + "Provider")
        data = event.find(NS + "EventData")
        own = event.find(NS + "UserData")
        shape = own[0] if own is not None else None
        print(
            json.dumps(
                {
                    "number": record.record_num(),
                    "provider": provider.get("Name"),
                    "source": provider.get("EventSourceName"),
                    "guid": provider.get("Guid"),
                    "id": int(system.find(NS + "EventID").text),
                    "level": int(system.find(NS + "Level").text),
                    "time": system.find(NS + "TimeCreated").get("SystemTime"),
                    "record_id": int(system.find(NS + "EventRecordID").text),
                    "channel": system.find(NS + "Channel").text,
                    "computer": system.find(NS + "Computer").text,
                    "task": int(system.find(NS + "Task").text),
                    "data": [[item.get("Name") or "", item.text or ""] for item in data.findall(NS + "Data")]
                    if data is not None
                    else [],
                    "binary": [item.text or "" for item in data.findall(NS + "Binary")] if data is not None else [],
                    "shape": shape.tag if shape is not None else None,
                    "user_data": [[item.tag.split("}")[1], item.text or ""] for item in shape]
                    if shape is not None
                    else [],
                }
            )
        )
