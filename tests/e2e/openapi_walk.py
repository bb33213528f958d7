# SPDX-License-Identifier: Apache-2.0
#
# openapi_walk.py <url of a sandbox>: a client that knows the API from /openapi.json alone visits
# each operation, and holds each answer against what the document says of it.

import http.client
import json
import sys
import urllib.parse

METHODS = ("get", "put", "post", "patch", "delete", "head", "options")
NO_KEY = object()


class Walk:
    def __init__(self, url):
        self.server = urllib.parse.urlsplit(url).netloc
        self.connection = http.client.HTTPConnection(self.server, timeout=30)
        self.wrong = []
        self.answers = 0
        self.visited = set()
        self.document = json.loads(self.exchange("GET", "/openapi.json", None, {})[2])
        self.operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        }

    def complain(self, *what):
        self.wrong.append(" ".join(str(each) for each in what))

    def expect(self, is_so, *what):
        if not is_so:
            self.complain(*what)

    def exchange(self, method, target, body, headers):
        self.connection.request(method, target, body, headers)
        response = self.connection.getresponse()
        return response.status, response.headers, response.read().decode()

    def resolve(self, value):
        while "$ref" in value:
            target = self.document
            for name in value["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            value = target
        return value

    # The keywords that a client would rely on; all others are left to a validator.
    def check(self, schema, value, where):
        schema = self.resolve(schema)
        if "anyOf" in schema:
            before = self.wrong
            found = []
            for each in schema["anyOf"]:
                self.wrong = []
                self.check(each, value, where)
                found.append(self.wrong)
            self.wrong = before
            self.expect([] in found, where, "fits none:", found)
        if "const" in schema:
            self.expect(value == schema["const"], where, "is", value)
        if "enum" in schema:
            self.expect(value in schema["enum"], where, "is", value)
        if "type" in schema:
            wanted = schema["type"]
            names = type_names(value)
            is_one = names & set([wanted] if isinstance(wanted, str) else wanted)
            self.expect(is_one, where, "is a", *names, "and not", wanted)
        if isinstance(value, list) and "items" in schema:
            for at, each in enumerate(value):
                self.check(schema["items"], each, f"{where}[{at}]")
        if isinstance(value, dict):
            for name in schema.get("required", []):
                self.expect(name in value, where, "has no", name)
            others = schema.get("additionalProperties", True)
            for name, each in value.items():
                known = schema.get("properties", {}).get(name, others)
                if known is False:
                    self.complain(where, "has", name)
                elif known is not True:
                    self.check(known, each, f"{where}.{name}")

    # All parameters of an operation by name: those of its path count, too.
    def parameters(self, name):
        _, path, operation = self.operations[name]
        of_path = self.document["paths"][path].get("parameters", [])
        listed = map(self.resolve, of_path + operation.get("parameters", []))
        return {each["name"]: each for each in listed}

    def body_examples(self, name):
        operation = self.operations[name][2]
        media = self.resolve(operation["requestBody"])["content"]["application/json"]
        examples = [each["value"] for each in media["examples"].values()]
        for each in examples:
            self.check(media["schema"], each, f"an example of {name}")
        return examples

    def ask(self, name, wanted, body=None, api_key="test_valid", **given):
        """Sends one request; arguments that are no parameter of the operation fail."""
        method, path, operation = self.operations[name]
        parameters = self.parameters(name)
        query = {}
        headers = {}
        for key, value in given.items():
            parameter = parameters[key.replace("_", "-")]
            if parameter["in"] == "path":
                path = path.replace("{" + key + "}", urllib.parse.quote(value, safe=""))
            elif parameter["in"] == "query":
                query[key] = value
            else:
                headers[parameter["name"]] = value
        if operation.get("security", self.document["security"]) and api_key is not NO_KEY:
            headers["Authorization"] = f"Bearer {api_key}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        if query:
            path += "?" + urllib.parse.urlencode(query)
        status, got, text = self.exchange(method.upper(), path, body, headers)

        self.answers += 1
        if status < 400:  # a refusal alone is no visit
            self.visited.add(name)
        where = f"{name} {status}"
        self.expect(status == wanted, where, "and not", wanted, text)
        if str(status) not in operation["responses"]:
            self.complain(where, "is not in the document")
            return got, None
        told = self.resolve(operation["responses"][str(status)])
        for header, schema in told.get("headers", {}).items():
            if header in got and self.resolve(schema)["schema"]["type"] == "string":
                self.check(self.resolve(schema)["schema"], got[header], f"{where} {header}")
        self.expect("X-Request-Id" in got, where, "has no X-Request-Id")
        media_type = got.get("Content-Type", "").split(";")[0]
        if "content" not in told:
            self.expect(text == "", where, "has a body:", text)
            return got, None
        if media_type not in told["content"]:
            self.complain(where, "is", media_type)
            return got, None
        value = json.loads(text) if media_type == "application/json" else text
        self.check(told["content"][media_type]["schema"], value, where)
        return got, value


def type_names(value):
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int):
        return {"integer", "number"}
    return {{float: "number", str: "string", list: "array", dict: "object"}[type(value)]}


def refuse_without_a_key(walk):
    for name, (_, path, operation) in walk.operations.items():
        if operation.get("security", walk.document["security"]):
            ids = {"id": "call_0"} if "{id}" in path else {}
            _, refusal = walk.ask(name, 401, api_key=NO_KEY, **ids)
            walk.expect(refusal["error"]["code"] == "unauthorized", name, refusal)


def set_webhooks(walk):
    for body in walk.body_examples("setWebhook"):
        _, made = walk.ask("setWebhook", 200, body)
        walk.expect(made["data"]["url"] == body["url"], "setWebhook gives", made)
        walk.expect(walk.ask("getWebhook", 200)[1] == made, "getWebhook gives another")
    # It leads nowhere, so it goes before there are calls.
    walk.ask("removeWebhook", 204)
    walk.ask("getWebhook", 404)


def place_calls(walk):
    placed = []
    for name in ("dialCall", "createCall"):
        for body in walk.body_examples(name):
            placed.append(walk.ask(name, 202, body)[1]["data"]["call_id"])
    key = walk.parameters("dialCall")["Idempotency-Key"]["example"]
    body, other = walk.body_examples("dialCall")[:2]
    first, made = walk.ask("dialCall", 202, body, Idempotency_Key=key)
    walk.expect("Idempotency-Replay" not in first, "the first is a replay")
    again, replay = walk.ask("dialCall", 202, body, Idempotency_Key=key)
    walk.expect(again.get("Idempotency-Replay") == "true", "no replay")
    walk.expect(again.get("Original-Request-Id") == first["X-Request-Id"], "of another")
    walk.expect(again["X-Request-Id"] != first["X-Request-Id"], "the replay has no id of its own")
    walk.expect(replay == made, "another replay:", replay)
    _, conflict = walk.ask("dialCall", 409, other, Idempotency_Key=key)
    walk.expect(conflict["error"]["code"] == "idempotency_conflict", conflict)
    walk.expect(conflict["error"]["fields"]["conflicts_with"] == first["X-Request-Id"], conflict)
    placed.append(made["data"]["call_id"])
    return placed


def list_calls(walk, order, limit):
    """The ids of all pages, to the one without a cursor."""
    ids = []
    more = {}
    while True:
        _, page = walk.ask("listCalls", 200, limit=limit, order=order, **more)
        walk.expect(len(page["data"]) <= limit, "a page of", len(page["data"]))
        walk.expect(page["meta"]["page_size"] == limit, "page_size", page["meta"])
        ids += [call["id"] for call in page["data"]]
        if "cursor" not in page["meta"]:
            walk.expect(page["meta"]["total_results"] == len(ids), "in all", page["meta"])
            return ids
        more = {"cursor": page["meta"]["cursor"]}


def read_and_change_calls(walk, placed):
    for limit in (1, 2, walk.parameters("listCalls")["limit"]["schema"]["maximum"]):
        walk.expect(list_calls(walk, "asc", limit) == placed, "asc, by", limit)
        walk.expect(list_calls(walk, "desc", limit) == placed[::-1], "desc, by", limit)
    too_small = walk.parameters("listCalls")["limit"]["schema"]["minimum"] - 1
    walk.ask("listCalls", 400, limit=too_small)
    walk.ask("listCalls", 400, cursor="AQ")
    for body in walk.body_examples("updateCall"):
        _, patched = walk.ask("updateCall", 200, body, id=placed[0])
        kept = {name: value for name, value in body["metadata"].items() if value is not None}
        walk.expect(patched["data"]["metadata"] == kept, "patched to", patched)
        walk.expect(walk.ask("getCall", 200, id=placed[0])[1] == patched, "it is not kept")
    body = walk.body_examples("dialCall")[0]
    last = walk.ask("dialCall", 202, body)[1]["data"]["call_id"]
    _, canceled = walk.ask("cancelCall", 200, id=last)
    # Where this machine is slow, it has ended before.
    walk.expect(canceled["data"]["status"] in ("canceled", "completed"), "canceled it is", canceled)
    walk.expect("ended_at" in canceled["data"], "it goes on:", canceled)
    for name in ("getCall", "cancelCall"):
        walk.ask(name, 404, id="call_0")


# Each error and each outcome that the sandbox lists, and a day that passes.
def walk_the_magic_numbers(walk):
    _, magic = walk.ask("listMagicNumbers", 200)
    body = walk.body_examples("dialCall")[0]
    outcomes = {}
    for each in magic["data"]:
        dial = {**body, "to_number": each["destination"]}
        if each["result"] == "error":
            _, refusal = walk.ask("dialCall", each["http"], dial)
            walk.expect(refusal["error"]["code"] == each["code"], each, refusal)
            walk.expect(refusal["error"].get("category") == each.get("category"), each, refusal)
        elif each["result"] == "outcome":
            outcomes[walk.ask("dialCall", 202, dial)[1]["data"]["call_id"]] = each["code"]
    passed = 0
    for body in walk.body_examples("advanceClock"):
        passed += body["seconds"]
        _, clock = walk.ask("advanceClock", 200, body)
        walk.expect(clock["data"]["offset_seconds"] == passed, "the clock:", clock)
    for call_id, code in outcomes.items():
        _, call = walk.ask("getCall", 200, id=call_id)
        walk.expect(call["data"].get("failure_code") == code, code, "and not", call)
    walk.expect(len(magic["data"]) > 40 and outcomes, "only", magic)


def use_the_control_routes(walk):
    rules = [
        walk.ask("addFaultRule", 201, body)[1]["data"]
        for body in walk.body_examples("addFaultRule")
    ]
    walk.expect(walk.ask("listFaultRules", 200)[1]["data"] == rules, "other rules")
    walk.ask("addFaultRule", 400, {"fault": "none such"})
    walk.ask("clearFaultRules", 204)
    walk.expect(walk.ask("listFaultRules", 200)[1]["data"] == [], "rules are left")
    _, journal = walk.ask("listRequests", 200)
    walk.expect(journal["meta"]["total_results"] > 0 and journal["data"], "nothing in the journal")
    walk.expect("<html" in walk.ask("getStatusPage", 200)[1], "no page")
    walk.expect(walk.ask("getOpenApi", 200)[1] == walk.document, "another document")
    walk.ask("reset", 204)
    walk.expect(list_calls(walk, "desc", 20) == [], "calls are left")


def main():
    walk = Walk(sys.argv[1])
    walk.ask("reset", 204)
    refuse_without_a_key(walk)
    set_webhooks(walk)
    read_and_change_calls(walk, place_calls(walk))
    walk_the_magic_numbers(walk)
    use_the_control_routes(walk)
    for name in sorted(walk.operations.keys() - walk.visited):
        walk.complain(name, "was not visited")
    for each in walk.wrong:
        print(each)
    print(f"{len(walk.operations)} operations, {walk.answers} answers, {len(walk.wrong)} faults")
    return 1 if walk.wrong else 0


sys.exit(main())
