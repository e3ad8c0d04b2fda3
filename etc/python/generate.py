#!/usr/bin/env python3
"""usage: generate.py [FILE]

Writes the codec, papertrader/wire.py or FILE, from the description of the protocol,
spec/wire/papertrader.json.
"""

import json
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
WIRE = json.loads((HERE / "../../spec/wire/papertrader.json").read_text(encoding="utf-8"))

#: The parameter that an argument of a request is made of, and what makes its text.
PARAMETERS = {
    "Flag": ("bool", 'flag_text({}, "{}")'),
    "Quantity": ("Number", 'decimal_text({}, "{}")'),
    "PriceOrDash": ("Optional[Number]", 'or_dash({}, "{}")'),
    "StopOrDash": ("Optional[Number]", 'or_dash({}, "{}")'),
    "Date": ("When", 'date_text({}, "{}")'),
    "TimeInForce": ("When", 'date_text({}, "{}")'),
    "Days": ("int", "str({})"),
    "PageCount": ("int", "str({})"),
}
#: What an argument of a message becomes, and what reads it.
CONVERTED = {
    "CanonicalMoney": ("Decimal", "to_decimal"),
    "CanonicalMoneyOrDash": ("Decimal", "to_decimal"),
    "CanonicalQuantity": ("Decimal", "to_decimal"),
    "CanonicalTime": ("datetime.datetime", "to_time"),
    "DroppedCount": ("int", "int"),
    "PollSeconds": ("int", "int"),
    "QuoteValue": ("Tuple[str, Decimal]", "to_quote"),
    "NameValue": ("Tuple[str, str]", "to_fact"),
}
#: Fields in which zero, or an empty text, stands for no value: they are None then. A field whose
#: meaning says something of zero and is not here keeps its zero, and stands in ZEROS.
NONES = {
    "OpenOrder.clientOrderID", "OpenOrder.quantity", "OpenOrder.until", "OrderParameters.cash",
    "OrderParameters.kind", "OrderParameters.limit", "OrderParameters.stop",
    "OrderParameters.stopPercent", "OrderParameters.timeInForce", "PageEntry.cause",
    "PageEntry.clientOrderID", "PageEntry.note", "PageEntry.price", "PageEntry.priced",
    "PageEntry.reason", "PageEntry.settled", "PositionSummary.previousClose",
    "QuoteListRow.previousClose", "QuoteListRow.time", "QuoteListRow.value", "Session.used",
    "Token.used", "Transaction.clientOrderID", "Transaction.price", "Transaction.priced",
    "Transaction.reason", "Transaction.settled", "UserInfo.email",
}  # fmt: skip
ZEROS = {
    "AccountSummary.buyingPower", "PageEntry.quantity", "PageEntry.total", "Position.quantity",
    "Position.value", "PositionShare.share", "PositionSummary.units", "PositionSummary.value",
    "QuoteListRow.name", "Transaction.total",
}  # fmt: skip

lines: list = []


def put(*texts):
    lines.extend(texts)


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def capital(name):
    return name[0].upper() + name[1:]


def text_of(value):
    return json.dumps(value, ensure_ascii=True)


def document(text, indent="    "):
    """A docstring, in lines of 100 columns at most."""
    text = text.replace("\\", "\\\\")
    text = capital(text) if text else text
    text = text if text.endswith(".") else text + "."
    if len(indent) + len(text) + 6 <= 100:
        put(f'{indent}"""{text}"""')
        return
    wrapped = textwrap.wrap(f'"""{text}', 100 - len(indent), break_on_hyphens=False)
    put(*[indent + line for line in wrapped], f'{indent}"""')


def comment(text, indent="    "):
    for line in textwrap.wrap(capital(text), 97 - len(indent), break_on_hyphens=False):
        put(f"{indent}#: {line}")


REQUESTS = [
    row for row in WIRE["instructions"] if row["direction"] == "request" or row["name"] == "ping"
]
MESSAGES = [
    row
    for row in WIRE["instructions"]
    if row["direction"] in ("return", "notice") and not row["binary"] or row["name"] == "pong"
]


def function_name(row):
    """Two requests are called login: the later one is named by what it takes."""
    twins = [other for other in REQUESTS if other["name"] == row["name"]]
    name = snake(row["name"])
    return name if twins[0] is row else f"{name}_with_{snake(row['arguments'][0]['name'])}"


def reached():
    """Layouts that an answer reaches, each after those that it is made of."""
    found = []

    def reach(name):
        for field in WIRE["layouts"][name]["fields"]:
            if "layout" in field and field["layout"] not in found:
                reach(field["layout"])
        if name not in found:
            found.append(name)

    for row in REQUESTS:
        for answer in row["answers"]:
            if "payload" in answer:
                reach(answer["payload"])
    return found


def is_used(type_name):
    return any(
        argument["type"] == type_name
        for row in REQUESTS + MESSAGES
        for argument in row["arguments"]
    ) or any(
        WIRE["scalars"].get(field.get("scalar"), {}).get("type") == type_name
        for name in reached()
        for field in WIRE["layouts"][name]["fields"]
    )


def write_types():
    put("", "# Types of arguments.", "")
    for name, form in WIRE["argumentTypes"].items():
        if not is_used(name):
            continue
        put(f"{snake(name).upper()} = ArgumentType(", f"    {text_of(name)},")
        about = textwrap.wrap(form["about"], 80, drop_whitespace=False, break_on_hyphens=False)
        put(
            *(
                [f"    {text_of(about[0])},"]
                if len(about) == 1
                else ["    (", *[f"        {text_of(line)}" for line in about], "    ),"]
            )
        )
        for key in ("pattern", "minLength", "maxLength", "exclusiveMinimum", "maximum", "none"):
            if key in form:
                put(f"    {snake(key)}={text_of(form[key])},")
        put(")")


def write_lists():
    put("", "# Lists of words. Those that are open may grow: other words come from later editions.")
    for name, entry in WIRE["lists"].items():
        if name.startswith("link"):
            continue
        put("")
        comment(entry["about"], "")
        values = entry["values"]
        if all("number" in value for value in values):
            put(f"{snake(name).upper()}: Dict[int, str] = {{")
            put(*[f"    {value['number']}: {text_of(value['name'])}," for value in values], "}")
        else:
            put(f"{snake(name).upper()}: Dict[str, str] = {{")
            for value in values:
                about = textwrap.wrap(value["about"], 84, drop_whitespace=False)
                if len(about) == 1:
                    put(f"    {text_of(value['name'])}: {text_of(about[0])},")
                else:
                    put(f"    {text_of(value['name'])}: (")
                    put(*[f"        {text_of(line)}" for line in about], "    ),")
            put("}")


def argument_text(argument):
    extra = "".join(
        f", {key}=True" for key in ("optional", "repeated", "last") if argument.get(key)
    )
    return f"Argument({text_of(argument['name'])}, {snake(argument['type']).upper()}{extra})"


def scalar_form(name):
    """The type of a scalar, and the call that reads it."""
    scalar = WIRE["scalars"][name]
    if name == "flag":
        return "bool", "reader.flag()"
    if name == "time":
        return "datetime.datetime", "reader.time()"
    if name == "uuid":
        return "str", "reader.uuid()"
    if scalar["encoding"] == "text":
        form = f", {snake(scalar['type']).upper()}" if "type" in scalar else ""
        return "str", f"reader.text({scalar['lengthBytes']}{form})"
    size, signed = scalar["bytes"], scalar["signed"]
    if "scale" in scalar:
        return "Decimal", f"reader.scaled({size}, {scalar['scale']}, {signed})"
    if "list" in scalar:
        return "str", f"reader.listed({size}, {snake(scalar['list']).upper()})"
    return "int", (
        f"reader.integer({size}"
        + (", True" if signed else "")
        + (f", maximum={scalar['maximum']}" if "maximum" in scalar else "")
        + ")"
    )


def least(field):
    """The fewest bytes that a field takes."""
    if "when" in field or "repeated" in field:
        return 0
    if "layout" in field:
        return sum(least(inner) for inner in WIRE["layouts"][field["layout"]]["fields"])
    scalar = WIRE["scalars"][field["scalar"]]
    return scalar.get("lengthBytes", scalar.get("bytes", 0))


def outer_of(name):
    """The fields of the layout around it on which a layout depends."""
    fields = WIRE["layouts"][name]["fields"]
    own = {field["name"] for field in fields}
    return sorted(
        {f["when"]["field"] for f in fields if "when" in f and f["when"]["field"] not in own}
    )


def field_form(layout, field):
    """The type of a field, and the expression that reads it."""
    if "layout" in field:
        form = field["layout"]
        outer = "".join(f", {name}" for name in outer_of(form))
        read = f"{form}.read(reader{outer})"
    else:
        form, read = scalar_form(field["scalar"])
    count = field.get("repeated")
    if count is not None:
        size = least(
            {key: value for key, value in field.items() if key not in ("when", "repeated")}
        )
        call = (
            f"reader.rest(lambda: {read})"
            if count == "*"
            else (f"reader.repeated({snake(count)}, {max(size, 1)}, lambda: {read})")
        )
        return f"Tuple[{form}, ...]", call
    if f"{layout}.{field['name']}" in NONES:
        return f"Optional[{form}]", f"none_if_zero({read})"
    return form, read


def condition(layout, field):
    """The expression that says whether a field with `when` is there."""
    when = field["when"]
    owner = next((f for f in WIRE["layouts"][layout]["fields"] if f["name"] == when["field"]), None)
    if owner is not None and owner.get("scalar") != "flag":
        raise SystemExit(f"{layout}.{field['name']} depends on what is no flag")
    return snake(when["field"]) if when["equals"] else f"not {snake(when['field'])}"


def write_layout(name):
    layout = WIRE["layouts"][name]
    counts = {field.get("repeated") for field in layout["fields"]}
    shown: dict = {}
    for field in layout["fields"]:
        if field["name"] not in counts:
            shown.setdefault(field["name"], []).append(field)
    put("", "", "@record", f"class {name}:")
    document(layout["about"])
    put("")
    # Fields without a default come first.
    order = sorted(shown, key=lambda field: len(shown[field]) == 1 and "when" in shown[field][0])
    for field in order:
        variants = shown[field]
        forms = [field_form(name, variant)[0] for variant in variants]
        form = forms[0] if len(forms) == 1 else f"Union[{', '.join(forms)}]"
        is_conditional = len(variants) == 1 and "when" in variants[0]
        if is_conditional and not form.startswith("Optional"):
            form = f"Optional[{form}]"
        about = variants[0].get("about", "")
        if f"{name}.{field}" in NONES:
            about = re.sub(r"\b(0|empty)\b", "None", about)
        if about:
            comment(about)
        put(f"    {snake(field)}: {form}" + (" = None" if is_conditional else ""))
    outer = "".join(f", {field}: bool" for field in outer_of(name))
    put("", "    @classmethod", f"    def read(cls, reader: Reader{outer}) -> {name}:")
    done = set()
    for field in layout["fields"]:
        local, read = snake(field["name"]), field_form(name, field)[1]
        if "when" not in field:
            put(f"        {local} = {read}")
        elif len(shown[field["name"]]) == 1:
            put(f"        {local} = {read} if {condition(name, field)} else None")
        elif local not in done:
            done.add(local)
            first, second = shown[field["name"]]
            forms = ", ".join(field_form(name, variant)[0] for variant in (first, second))
            put(
                f"        {local}: Union[{forms}]",
                f"        if {condition(name, first)}:",
                f"            {local} = {field_form(name, first)[1]}",
                "        else:",
                f"            {local} = {field_form(name, second)[1]}",
            )
    put("        return cls(" + ", ".join(f"{snake(f)}={snake(f)}" for f in order) + ")")


def message_form(argument):
    form, convert = CONVERTED.get(argument["type"], ("str", "str"))
    if argument.get("repeated"):
        return f"Tuple[{form}, ...]", "repeated", convert
    if argument.get("optional") or "none" in WIRE["argumentTypes"][argument["type"]]:
        return f"Optional[{form}]", "optional", convert
    return form, "one", convert


def write_message(row):
    name = capital(row["name"])
    put("", "", "@record", f"class {name}:")
    document(row["about"])
    put("")
    for argument in row["arguments"]:
        comment(WIRE["argumentTypes"][argument["type"]]["about"])
        put(f"    {snake(argument['name'])}: {message_form(argument)[0]}")
    put(*[""][: len(row["arguments"])], "    @classmethod")
    put(f"    def read(cls, texts: Tuple[str, ...]) -> {name}:")
    put(f"        fields = Fields({text_of(row['name'])}, texts)", "        message = cls(")
    for argument in row["arguments"]:
        _, method, convert = message_form(argument)
        local = snake(argument["name"])
        call = f"            {local}=fields.{method}({argument_text(argument)}, {convert}),"
        head, _, rest = call.partition("fields." + method + "(")
        put(
            *(
                [call]
                if len(call) <= 100
                else [f"{head}fields.{method}(", f"                {rest[:-2]}", "            ),"]
            )
        )
    put("        )", "        fields.end()", "        return message")


def write_request(row):
    name = function_name(row)
    successes = tuple(answer["name"] for answer in row["answers"] if answer["outcome"] == "success")
    failure = next((a["name"] for a in row["answers"] if a["outcome"] == "failure"), None)
    payload = next((a["payload"] for a in row["answers"] if "payload" in a), None)
    put(
        "",
        "",
        f"{name.upper()} = Instruction(",
        f"    {text_of(row['name'])},",
        f"    0x{row['number']:04X},",
        f"    edition={row['edition']},",
    )
    put(f"    states=({' '.join(text_of(state) + ',' for state in row['states'])}),")
    if row["arguments"]:
        put(
            "    arguments=(", *[f"        {argument_text(a)}," for a in row["arguments"]], "    ),"
        )
    else:
        put("    arguments=(),")
    put(f"    successes=({' '.join(text_of(s) + ',' for s in successes)}),")
    if failure:
        put(f"    failure={text_of(failure)},")
    if payload:
        put(f"    payload={text_of(payload)},")
    put(")", "", "")
    parameters, texts = [], []
    for argument in row["arguments"]:
        local, type_name = snake(argument["name"]), argument["type"]
        is_none = "none" in WIRE["argumentTypes"][type_name]
        form, make = PARAMETERS.get(
            type_name, ("Optional[str]" if is_none else "str", 'or_dash({}, "{}")' if is_none else "{}")
        )
        made = make.format(local, local)
        if argument.get("optional"):
            form = form if form.startswith("Optional") else f"Optional[{form}]"
            parameters.append(f"{local}: {form} = None")
            texts.append(made)
        else:
            parameters.append(f"{local}: {form}")
            texts.append(made)
    put(f"def {name}(" + ("" if parameters else ") -> Request:"))
    if parameters:
        put(*[f"    {parameter}," for parameter in parameters], ") -> Request:")
    document(
        f"{row['about'].rstrip('.')} [{row['section']}]" if row.get("section") else row["about"]
    )
    call = f"    return {name.upper()}.request({', '.join(texts)})"
    if len(call) <= 100:
        put(call)
    else:
        put(f"    return {name.upper()}.request(", *[f"        {text}," for text in texts], "    )")


def check_decided():
    """Each field whose meaning speaks of zero or of an empty text was decided about."""
    for name in reached():
        for field in WIRE["layouts"][name]["fields"]:
            says = re.search(r"\b0\b|\bempty\b", field.get("about", ""))
            key = f"{name}.{field['name']}"
            if says and field["scalar"] != "flag" and key not in NONES | ZEROS:
                raise SystemExit(f"generate.py: say in NONES or ZEROS what zero means in {key}")
    known = {f"{name}.{f['name']}" for name in reached() for f in WIRE["layouts"][name]["fields"]}
    if NONES | ZEROS > known:
        raise SystemExit(f"generate.py: no such field: {sorted((NONES | ZEROS) - known)}")


def write():
    header, hashed = WIRE["header"], WIRE["hashedPass"]
    formats = {1: "B", 2: "H", 4: "I", 8: "Q"}
    put(
        '"""The wire format: made by generate.py from spec/wire/papertrader.json. Do not edit.',
        "",
        "A request is made by a function, which checks its arguments. Messages and payloads are",
        "read into frozen dataclasses: amounts are Decimal, times are in UTC, None is no value.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "import datetime",
        "import struct",
        "from decimal import Decimal",
        "from typing import Any, Callable, Dict, Optional, Tuple, Union",
        "",
        "from ._forms import (",
        "    Argument,",
        "    ArgumentType,",
        "    Fields,",
        "    Instruction,",
        "    Number,",
        "    Reader,",
        "    Request,",
        "    When,",
        "    date_text,",
        "    decimal_text,",
        "    flag_text,",
        "    none_if_zero,",
        "    or_dash,",
        "    record,",
        "    to_decimal,",
        "    to_fact,",
        "    to_quote,",
        "    to_time,",
        ")",
        "",
        "#: The edition of the protocol that this package speaks.",
        f"EDITION = {WIRE['edition']}",
        "#: "
        + "Fields of a message's header, in order: "
        + ", ".join(f["name"] for f in header["fields"][:3])
        + ",",
        "#: " + ", ".join(f["name"] for f in header["fields"][3:]) + ".",
        f'HEADER = struct.Struct(">{"".join(formats[f["bytes"]] for f in header["fields"])}")',
        "#: The most bytes of data of a message.",
        f"DATA_MAX = {header['dataMax']}",
        "#: What stands between two arguments.",
        f"SEPARATOR = {text_of(header['separator'])}",
        "#: The most bytes of a payload.",
        f"PAYLOAD_MAX = {next(e['value'] for e in WIRE['limits'] if e['name'] == 'payload')}",
        "#: The most requests of a connection without an answer.",
        f"UNANSWERED_MAX = {next(e['value'] for e in WIRE['limits'] if e['name'] == 'unanswered')}",
        f"WORKER_PORT = {WIRE['ports']['worker']}",
        "#: Type of the messages that may come at any time.",
        f"CONTROL = {next(t['number'] for t in WIRE['messageTypes'] if t['name'] == 'control')}",
        f"DATA = 0x{next(r['number'] for r in WIRE['instructions'] if r['name'] == 'data'):04X}",
        f"PASSWORD_NORMALIZATION = {text_of(hashed['normalization'])}",
        f"PASSWORD_SALT = {text_of(hashed['salt'])}",
        f"PASSWORD_ROUNDS = {hashed['rounds']}",
        f"PASSWORD_BYTES = {hashed['bytes']}",
        "",
    )
    write_types()
    write_lists()
    put("", "# Payloads.")
    for name in reached():
        write_layout(name)
    put("", "", "# Messages of servers.")
    for row in MESSAGES:
        write_message(row)
    put("", "", "# Requests.")
    for row in REQUESTS:
        write_request(row)
    put(
        "",
        "",
        "# Tables.",
        "",
        "#: What reads the arguments of a message, by its number; and its name.",
        "MESSAGES: Dict[int, Tuple[str, Callable[[Tuple[str, ...]], Any]]] = {",
    )
    put(
        *[
            f"    0x{row['number']:04X}: ({text_of(row['name'])}, {capital(row['name'])}.read),"
            for row in MESSAGES
        ],
        "}",
    )
    put(
        "#: Names of messages that may come at any time and answer nothing.",
        "NOTICES = frozenset(",
        "    {",
    )
    put(
        *[f"        {text_of(row['name'])}," for row in MESSAGES if row["direction"] == "notice"],
        "    }",
        ")",
    )
    put(
        "#: What reads a payload, by its layout.",
        "PAYLOADS: Dict[str, Callable[[Reader], Any]] = {",
    )
    payloads = sorted({a["payload"] for row in REQUESTS for a in row["answers"] if "payload" in a})
    put(*[f"    {text_of(name)}: {name}.read," for name in payloads], "}")
    put(
        "#: All that a client may send, by name; the second login by the name of its function.",
        "INSTRUCTIONS: Dict[str, Instruction] = {",
    )
    put(
        *[f"    {text_of(function_name(row))}: {function_name(row).upper()}," for row in REQUESTS],
        "}",
    )


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(print(__doc__.strip(), file=sys.stderr) or 2)
    check_decided()
    write()
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else HERE / "papertrader/wire.py"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
