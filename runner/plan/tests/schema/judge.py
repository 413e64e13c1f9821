"""Judges YAML files by JSON Schemas, with a YAML parser and a validator that nobody here wrote.

Standard input: {"schemas": {KIND: SCHEMA}, "files": [[KIND, TEXT], ...]}.
Standard output: for each file {"no_yaml": WHY or null, "refused": {VIEW: WHY}}, where a view is one way in which an
editor may look: what plain scalars mean changed with YAML 1.2, and older editors know JSON Schema as of draft 7.
"""

import json
import re
import sys

import jsonschema
import yaml

DEEPEST = 50


class NoYaml(Exception):
    """What an editor's own YAML parser tells, before any schema."""


def core(text):
    """A plain scalar as the core schema of YAML 1.2 has it."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text[2:], 8)
    if re.fullmatch(r"0x[0-9a-fA-F]+", text):
        return int(text[2:], 16)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        return float(text.replace(".", "").lower())
    return text


OLD_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}


def old(text):
    """The same in YAML 1.1, as PyYAML has it; dates stay text, because JSON has none."""
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    if tag not in OLD_TAGS:
        return text
    try:
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except ValueError:
        return text


def value(node, plain, depth=0):
    if depth > DEEPEST:
        raise NoYaml("nested too deeply")
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise NoYaml(f"the tag {node.tag}")
    if isinstance(node, yaml.ScalarNode):
        return plain(node.value) if node.style is None else node.value
    if isinstance(node, yaml.SequenceNode):
        return [value(item, plain, depth + 1) for item in node.value]
    mapping = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode) or (key.style is None and core(key.value) is None):
            raise NoYaml("a key that is no text")
        if key.value in mapping:
            raise NoYaml(f"the key {key.value} twice")
        # Keys are text in JSON, so that plain ones stay as they are written.
        mapping[key.value] = value(item, plain, depth + 1)
    return mapping


def views(schemas):
    """For each kind of file its views: a name, what plain scalars mean, a validator."""
    draft_7 = "http://json-schema.org/draft-07/schema#"
    found = {}
    for kind, schema in schemas.items():
        older = {**schema, "$schema": draft_7}
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft7Validator.check_schema(older)
        found[kind] = [
            ("now", core, jsonschema.Draft202012Validator(schema)),
            ("YAML 1.1", old, jsonschema.Draft202012Validator(schema)),
            ("draft 7", core, jsonschema.Draft7Validator(older)),
        ]
    return found


def judge(text, looks):
    try:
        node = yaml.compose(text, yaml.BaseLoader)
        if node is None:
            raise NoYaml("an empty file")
        values = {plain: value(node, plain) for plain in (core, old)}
    except (yaml.YAMLError, NoYaml) as why:
        return {"no_yaml": str(why), "refused": {}}
    refused = {}
    for name, plain, validator in looks:
        error = next(validator.iter_errors(values[plain]), None)
        if error is not None:
            refused[name] = f"{error.json_path}: {error.message}"[:400]
    return {"no_yaml": None, "refused": refused}


def main():
    asked = json.load(sys.stdin)
    known = views(asked["schemas"])
    json.dump([judge(text, known[kind]) for kind, text in asked["files"]], sys.stdout)


main()
