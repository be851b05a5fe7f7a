"""Messages and fields as JSON Schema, in the forms they take on the way in and on the way out.

What a schema admits the gateway accepts, and the rules of protovalidate that can be said are in it. The other way
round a schema is a little narrower than the proto3 JSON mapping, which also takes names in camel case, the numbers of
enum values, and numbers written as text.
"""

from collections.abc import Collection, Iterable, Mapping

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from buf.validate.validate_pb2 import IGNORE_ALWAYS, IGNORE_IF_ZERO_VALUE, FieldRules
from gateway import bind
from gateway.openapi import comments, constraints, examples, scalars
from gateway.openapi.constraints import Schema
from gateway.openapi.scalars import Form

Without = Collection[tuple[str, ...]]  # the paths of fields that are left out


_ANNOTATIONS = ("description", "examples", "deprecated")


class Schemas:
    """Writes schemas, and collects in `components` the messages they refer to."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.components: dict[str, Schema] = {}

    def message(self, message: Descriptor, form: Form) -> Schema:
        """A reference to a message among the components."""
        name = message.full_name + form.value
        if name not in self.components:
            self.components[name] = {}  # a message may hold itself
            self.components[name] = self.object(message, form)
            if form is Form.UNCHECKED:  # what its rules would say shows how to fill it in
                checked = Schemas(self._texts)
                self.components[name]["examples"] = examples.of_schema(
                    checked.message(message, Form.ASKED), checked.components
                )
        return {"$ref": f"#/components/schemas/{name}"}

    def object(self, message: Descriptor, form: Form, without: Without = ()) -> Schema:
        """A message with its fields, but for those at the paths in `without`."""
        needed = _needed(message, form)
        properties = {}
        for field in message.fields:
            inner = {path[1:] for path in without if path[0] == field.name}
            if () not in inner:
                properties[field.name] = self._property(field, form, inner, is_needed=field.name in needed)
        schema: Schema = {"type": "object", "properties": properties}
        if form is not Form.ANSWERED:
            schema["additionalProperties"] = False
        if needed & properties.keys():
            schema["required"] = [name for name in properties if name in needed]
        choices = list(_choices(message, form, properties.keys()))
        if choices:
            schema |= choices[0] if len(choices) == 1 else {"allOf": choices}
        if text := self.described(message, form):
            schema["description"] = text
        return schema

    def field(self, field: FieldDescriptor, form: Form, without: Without = ()) -> Schema:
        """The value of a field, a list or map included, with what its comment says."""
        rules = constraints.rules_of(field)
        form = _inner_form(rules, form)
        if field.message_type is not None and bind.is_map(field):
            schema = self._map(field.message_type, form, rules)
        elif field.is_repeated:
            items = self._value(field, form, rules.repeated.items)
            schema = {"type": "array", "items": items} | constraints.keywords(_heeded(rules, form))
        elif without and field.message_type is not None:
            schema = self.object(field.message_type, form, without)
        else:
            schema = self._value(field, form, rules)
        return schema | self._annotations(field, schema, form, _heeded(rules, form))

    def described(self, message: Descriptor, form: Form) -> str:
        """What the comment of a message and those of its rules say that concern it as a whole."""
        rules = constraints.rules_of_message(message)
        said = [] if form in (Form.ANSWERED, Form.UNCHECKED) else constraints.sentences(rules)
        return comments.paragraphs(self._texts.get(message.full_name, ""), said)

    def _property(self, field: FieldDescriptor, form: Form, without: Without, *, is_needed: bool) -> Schema:
        schema = self.field(field, form, without)
        # Null is no choice: a member of a oneof is there or not.
        is_choice = field.containing_oneof is not None and len(field.containing_oneof.fields) > 1
        return schema if is_needed or is_choice or form is Form.ANSWERED else or_null(schema)

    def _map(self, entry: Descriptor, form: Form, rules: FieldRules) -> Schema:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        schema = {
            "type": "object",
            "additionalProperties": self._value(value, form, rules.map.values),
            **constraints.keywords(_heeded(rules, form)),
        }
        names = _key(key) | constraints.keywords(_heeded(rules.map.keys, form))
        return schema | {"propertyNames": names} if names else schema

    def _value(self, field: FieldDescriptor, form: Form, rules: FieldRules) -> Schema:
        heeded = _heeded(rules, form)
        kind = field.message_type
        if kind is not None:
            special = scalars.well_known(kind, form)
            return self.message(kind, _inner_form(rules, form)) if special is None else special
        schema = scalars.value(field, form, heeded)
        if heeded.ignore == IGNORE_IF_ZERO_VALUE:
            return {"anyOf": [schema, {"const": scalars.zero(field)}]}
        return schema

    def _annotations(self, field: FieldDescriptor, schema: Schema, form: Form, rules: FieldRules) -> Schema:
        """What changes nothing about the values: the description, an example, whether the field is deprecated."""
        text = self._texts.get(field.full_name, "")
        each = rules.repeated.items if field.is_repeated else rules
        said = constraints.sentences(rules) + (constraints.sentences(each) if field.is_repeated else [])
        found: Schema = {}
        if description := comments.paragraphs(text, [*said, *self._enum_values(field.enum_type, each)]):
            found["description"] = description
        if example := examples.of_text(schema, text) or (form is Form.ANSWERED and examples.of_enum(schema)):
            found["examples"] = example
        if field.GetOptions().deprecated:
            found["deprecated"] = True
        return found

    def _enum_values(self, kind: EnumDescriptor | None, rules: FieldRules) -> Iterable[str]:
        if kind is None:
            return
        for value in constraints.allowed(kind, rules):
            if text := self._texts.get(f"{kind.full_name}.{value.name}"):
                yield f"`{value.name}`: {text}"


def _needed(message: Descriptor, form: Form) -> set[str]:
    """The fields without which a message is refused, or that are in every answer."""
    if form is Form.ANSWERED:
        return {field.name for field in message.fields if not field.has_presence}
    return set() if form is Form.UNCHECKED else constraints.required(message)


def _heeded(rules: FieldRules, form: Form) -> FieldRules:
    """The rules, if anybody looks at them."""
    is_checked = form in (Form.TEXT, Form.ASKED) and rules.ignore != IGNORE_ALWAYS
    return rules if is_checked else FieldRules()


def _inner_form(rules: FieldRules, form: Form) -> Form:
    """The form of a message in a field with these rules."""
    return Form.UNCHECKED if form is Form.ASKED and rules.ignore == IGNORE_ALWAYS else form


def _choices(message: Descriptor, form: Form, names: Collection[str]) -> Iterable[Schema]:
    """Of the members of a oneof, or of the fields for which a rule says the same, one at most is there."""
    is_checked = form is Form.ASKED
    groups = [
        ([field.name for field in oneof.fields], constraints.is_choice_required(oneof)) for oneof in message.oneofs
    ]
    if is_checked:
        groups += [(list(rule.fields), rule.required) for rule in constraints.rules_of_message(message).oneof]
    for group, is_required in groups:
        singles = [{"required": [name]} for name in group if name in names]
        if len(singles) > 1:
            none: list[Schema] = [] if is_required and is_checked else [{"not": {"anyOf": singles}}]
            yield {"oneOf": [*singles, *none]}


def _key(field: FieldDescriptor) -> Schema:
    """The key of a map, which JSON writes as text."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return {}
    return {"enum": ["false", "true"]} if field.type == FieldDescriptor.TYPE_BOOL else {"pattern": "^-?[0-9]{1,20}$"}


def or_null(schema: Schema) -> Schema:
    """Admit null, which stands for a value that is not set."""
    kept = {name: schema[name] for name in _ANNOTATIONS if name in schema}
    bare = {name: schema[name] for name in schema if name not in kept}
    if not bare:
        return schema
    if "type" not in bare or "enum" in bare or "const" in bare:
        options = bare["anyOf"] if bare.keys() == {"anyOf"} else [bare]
        return {"anyOf": [*options, {"type": "null"}]} | kept
    types = bare["type"] if isinstance(bare["type"], list) else [bare["type"]]
    return schema if types == ["null"] else schema | {"type": [*types, "null"]}
