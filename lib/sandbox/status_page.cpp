// SPDX-License-Identifier: Apache-2.0
#include "sandbox/status_page.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "parley/core/version.hpp"
#include "sandbox/clock.hpp"
#include "sandbox/magic.hpp"

namespace parley::sandbox {
namespace {

constexpr std::size_t text_bytes_max = 80;
constexpr std::size_t metadata_shown_max = 3;

// Colours keep a contrast of 4.5 to 1 with what is behind them, in both schemes (WCAG 2.1, 1.4.3).
constexpr std::string_view style = R"(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1b2330;--soft:#566072;
--line:#dde2ea;--link:#0b57b0;--good:#0d6b3c;--good-back:#dff3e7;
--bad:#a8201a;--bad-back:#fde7e5;--wait:#7a4b00;--wait-back:#fdf0d5;--idle-back:#e9edf3}
@media(prefers-color-scheme:dark){:root{--page:#12161c;--card:#1a2029;--text:#e6eaf0;
--soft:#a3adbc;--line:#2e3744;--link:#7fb7ff;--good:#7ee2a8;--good-back:#12382a;
--bad:#ffaaa3;--bad-back:#47201e;--wait:#f5cf83;--wait-back:#40310f;--idle-back:#2a3340}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header,main,footer{max-width:84rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:1.75rem}
h1{font-size:1.6rem;line-height:1.2;margin:0}
h2{font-size:1.1rem;margin:0 0 .6rem}
p{margin:.25rem 0}
a{color:var(--link)}
.soft{color:var(--soft)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;margin:.8rem 0 0;padding:0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,auto));gap:.75rem;
margin:1.25rem 0 0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;
padding:.65rem .9rem}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0;font-size:1.1rem;font-weight:600;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;
padding:1rem 1.1rem;margin:1.1rem 0}
section .facts div{background:var(--page)}
.wide{overflow-x:auto}
.wide:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.85rem}
caption{text-align:left;color:var(--soft);padding:0 0 .5rem}
caption span{position:sticky;left:0;display:inline-block;max-width:calc(100vw - 5rem)}
.facts+.wide{margin-top:1rem}
th,td{text-align:left;vertical-align:baseline;padding:.35rem .75rem .35rem 0;
border-bottom:1px solid var(--line)}
thead th{font-weight:600;color:var(--soft);white-space:nowrap}
tbody th{font-weight:400}
tbody tr:last-child>*{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums}
code,.code{font:.92em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.id,.time,.state{white-space:nowrap}
.path{overflow-wrap:anywhere;min-width:20rem}
.free{overflow-wrap:anywhere;min-width:7.5rem}
.state{display:inline-block;border-radius:1rem;padding:0 .6rem;font-size:.8rem;font-weight:600;
background:var(--idle-back)}
.good{color:var(--good);background:var(--good-back)}
.bad{color:var(--bad);background:var(--bad-back)}
.wait{color:var(--wait);background:var(--wait-back)}
footer{padding-bottom:2.5rem}
)";

class page {
 public:
  page& raw(std::string_view markup) {
    html_ += markup;
    return *this;
  }
  page& text(std::string_view content) {
    html_ += escape_html(content);
    return *this;
  }
  page& number(std::uint64_t value) {
    html_ += std::to_string(value);
    return *this;
  }
  /// <tag class="..">content</tag>
  page& element(std::string_view tag, std::string_view classes, std::string_view content) {
    open(tag, classes).text(content);
    return close(tag);
  }
  page& cell(std::string_view content, std::string_view classes = "") {
    return element("td", classes, content);
  }
  page& cell(std::uint64_t value) { return element("td", "number", std::to_string(value)); }
  page& row_head(std::string_view content) {
    return raw("<th scope=\"row\" class=\"id code\">").text(content).raw("</th>");
  }
  page& badge(std::string_view content, std::string_view kind) {
    if (content.empty()) return *this;
    return raw("<span class=\"state ").raw(kind).raw("\">").text(content).raw("</span>");
  }
  page& fact(std::string_view name, std::string_view value) {
    return raw("<div>").element("dt", "", name).element("dd", "", value).raw("</div>\n");
  }

  page& begin_section(std::string_view id, std::string_view heading) {
    raw("<section id=\"").raw(id).raw("\" aria-labelledby=\"").raw(id).raw("-heading\">\n");
    return raw("<h2 id=\"").raw(id).raw("-heading\">").text(heading).raw("</h2>\n");
  }
  page& end_section() { return raw("</section>\n"); }
  /// A name that begins with '#' is of a column of numbers.
  page& begin_table(std::string_view section, std::string_view caption,
                    std::initializer_list<std::string_view> columns) {
    // A region that scrolls can be reached with the keyboard, and says what it is.
    raw("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-labelledby=\"");
    raw(section).raw("-heading\">\n<table>\n").raw("<caption>").element("span", "", caption);
    raw("</caption>\n<thead><tr>");
    for (const std::string_view each : columns) {
      const bool is_number = each.starts_with('#');
      raw(is_number ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">");
      text(is_number ? each.substr(1) : each).raw("</th>");
    }
    return raw("</tr></thead>\n<tbody>\n");
  }
  page& end_table() { return raw("</tbody>\n</table>\n</div>\n"); }

  std::string finish() && { return std::move(html_); }

 private:
  page& open(std::string_view tag, std::string_view classes) {
    raw("<").raw(tag);
    if (!classes.empty()) raw(" class=\"").raw(classes).raw("\"");
    return raw(">");
  }
  page& close(std::string_view tag) { return raw("</").raw(tag).raw(">"); }

  std::string html_;
};

std::string_view kind_of_call(const call_state& state) {
  if (!state.ended_at) return "wait";
  if (state.failure_code.empty()) return state.status == "completed" ? "good" : "";
  return state.status == "completed" ? "wait" : "bad";  // an answering machine is no failure
}

std::string_view kind_of_status(std::uint16_t status) {
  if (status == 0 || status >= 500) return "bad";
  if (status >= 400) return "wait";
  return "good";
}

// "2026-01-02 03:04:05"; in_ms: "2026-01-02 03:04:05.000"
std::string short_time(time_point at, bool in_ms = false) {
  std::string text = format_time(at);
  text.replace(text.find('T'), 1, " ");
  text.resize(text.find('.') + (in_ms ? 4 : 0));
  return text;
}

std::string format_metadata(const metadata& all) {
  std::string shown;
  std::size_t count = 0;
  for (const auto& [key, value] : all) {
    if (count++ == metadata_shown_max) break;
    if (!shown.empty()) shown += ", ";
    shown += shorten(key, text_bytes_max / 2) + "=" + shorten(value, text_bytes_max / 2);
  }
  if (all.size() > metadata_shown_max) {
    shown += " and " + std::to_string(all.size() - metadata_shown_max) + " more";
  }
  return shown;
}

void add_calls(page& p, const status& s) {
  p.begin_section("calls", "Calls");
  if (s.newest_calls.empty()) {
    p.raw("<p class=\"soft\">None yet. <code>POST /v1/calls/dial</code> places one.</p>\n");
    p.end_section();
    return;
  }
  p.begin_table("calls", "The newest " + std::to_string(page_rows_max) + " of all API keys.",
                {"Call", "Created (UTC)", "Status", "Outcome", "Failure code", "From", "To",
                 "API key", "Metadata"});
  for (const call& each : s.newest_calls) {
    const call_state state = state_of(each, s.now);
    p.raw("<tr>").row_head(each.id).cell(short_time(each.created_at), "time").raw("<td>");
    p.badge(state.status, kind_of_call(state)).raw("</td>");
    p.cell(state.outcome).cell(state.failure_code, "code");
    p.cell(each.from_number, "id code").cell(each.to_number, "id code");
    p.cell(shorten(each.scope, text_bytes_max / 2), "code");
    p.raw("<td class=\"free\"><bdi>")
        .text(format_metadata(each.metadata))
        .raw("</bdi></td></tr>\n");
  }
  p.end_table().end_section();
}

void add_requests(page& p, const status& s) {
  p.begin_section("requests", "Requests");
  if (s.requests.newest_first.empty()) {
    p.raw("<p class=\"soft\">None yet, but those to control routes like this one.</p>\n");
    p.end_section();
    return;
  }
  p.begin_table(
      "requests",
      "The newest " + std::to_string(page_rows_max) +
          ". Runs are those of the handler: none for a replay, or for what is refused before.",
      {"Request", "Time (UTC)", "Status", "Method and path", "Code", "Fault", "#Runs"});
  for (const journal_entry& each : s.requests.newest_first) {
    p.raw("<tr>").row_head(each.request_id).cell(short_time(each.at, true), "time").raw("<td>");
    p.badge(each.status == 0 ? "none" : std::to_string(each.status), kind_of_status(each.status));
    p.raw("</td><td class=\"path code\">").text(each.method).raw(" ");
    p.text(shorten(each.path, text_bytes_max)).raw("</td>").cell(each.code, "code");
    p.cell(each.fault, "code").cell(each.handler_ran ? 1 : 0).raw("</tr>\n");
  }
  p.end_table().end_section();
}

void add_records(page& p, const status& s) {
  p.begin_section("records", "Idempotency records");
  p.raw("<p class=\"soft\">");
  p.text(s.held ? "Kept in memory. A record lives for 24 hours of the sandbox's clock."
                : "Kept in Redis, which sandboxes share: how many there are is not known here. "
                  "These numbers are of the requests to this one.");
  p.raw("</p>\n<dl class=\"facts\">\n");
  p.fact("Running now", std::to_string(s.records.running));
  p.fact("Completed", std::to_string(s.records.completed));
  p.fact("Replayed", std::to_string(s.records.replayed));
  p.fact("Conflicts", std::to_string(s.records.conflicts));
  if (s.held) {
    p.fact("Held", std::to_string(s.held->entries));
    p.fact("Memory", std::to_string(s.held->bytes / 1024) + " KiB");
  }
  p.raw("</dl>\n").end_section();
}

void add_webhooks(page& p, const status& s) {
  p.begin_section("webhooks", "Webhooks");
  if (s.webhooks.endpoints == 0) {
    p.raw("<p class=\"soft\">None. <code>PUT /v1/webhook</code> sets that of an API key.</p>\n");
    p.end_section();
    return;
  }
  const delivery_counts& counts = s.webhooks.deliveries;
  p.raw("<dl class=\"facts\">\n");
  p.fact("API keys with one", std::to_string(s.webhooks.endpoints));
  p.fact("Pending", std::to_string(counts.pending));
  p.fact("Attempts", std::to_string(counts.attempts));
  p.fact("Delivered", std::to_string(counts.delivered));
  p.fact("Given up", std::to_string(counts.given_up));
  p.raw("</dl>\n");
  const bool is_all = s.webhooks.listed.size() == s.webhooks.endpoints;
  p.begin_table("webhooks",
                (is_all ? "" : "The first " + std::to_string(page_rows_max) + ". ") +
                    std::string("An attempt ends with a status, or without one."),
                {"API key", "URL", "Last attempt"});
  for (const webhook_summary& each : s.webhooks.listed) {
    const std::string& last = each.last_attempt;
    p.raw("<tr>").row_head(shorten(each.scope, text_bytes_max / 2));
    p.raw("<td class=\"path code\">").text(shorten(each.url, text_bytes_max)).raw("</td><td>");
    p.badge(shorten(last, text_bytes_max), last.starts_with('2') ? "good" : "bad");
    p.raw("</td></tr>\n");
  }
  p.end_table().end_section();
}

std::string format_probability(double probability) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, probability).ptr;
  return {text, end};
}

void add_rules(page& p, const status& s) {
  p.begin_section("faults", "Fault rules");
  if (s.rules.empty()) {
    p.raw("<p class=\"soft\">None. <code>POST /sandbox/faults</code> adds one.</p>\n");
    p.end_section();
    return;
  }
  p.begin_table(
      "faults",
      "In the order in which they are asked. The first that hits wins; of webhooks all that hit "
      "count.",
      {"Rule", "Route", "Fault", "#Probability", "#Seed", "#Delay", "#Seen", "#Hits", "#At most"});
  for (const fault_rule_state& each : s.rules) {
    const fault_rule& rule = each.rule;
    p.raw("<tr>").row_head(std::to_string(each.number)).cell(rule.route, "code");
    p.cell(rule.fault, "code").cell(format_probability(rule.probability), "number");
    p.cell(rule.seed.value_or(0));
    p.cell(rule.delay ? std::to_string(rule.delay->count()) + " ms" : "", "number");
    p.cell(each.seen).cell(each.hits);
    p.cell(rule.times ? std::to_string(*rule.times) : "", "number").raw("</tr>\n");
  }
  p.end_table().end_section();
}

void add_magic(page& p) {
  p.begin_section("magic", "Magic numbers");
  p.begin_table("magic", "Call one of these, or send its name as X-Sandbox-Force with any number.",
                {"Destination", "Name", "What happens", "#HTTP", "Category", "Meaning"});
  for (const magic_number& each : magic_numbers()) {
    p.raw("<tr>").row_head(each.destination);
    if (each.row != nullptr) {
      const errors::row& row = *each.row;
      const bool is_sync = row.delivery == errors::delivery::sync;
      p.cell(row.name, "code").raw("<td>").badge(is_sync ? "error" : "call ends so", "bad");
      p.raw("</td>").cell(row.http_status == 0 ? "" : std::to_string(row.http_status), "number");
      p.cell(errors::to_string(row.category), "code").cell(row.message);
    } else if (each.behaviour != nullptr) {
      p.cell(each.behaviour->name, "code").raw("<td>").badge("behaviour", "wait").raw("</td>");
      p.cell("", "number").cell("").cell(each.behaviour->meaning);
    } else {
      p.cell("").raw("<td>").badge("success", "good").raw("</td>");
      p.cell("202", "number").cell("").cell("As every other valid number.");
    }
    p.raw("</tr>\n");
  }
  p.end_table().end_section();
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          safe += "\xEF\xBF\xBD";
        } else {
          safe += c;
        }
    }
  }
  return safe;
}

std::string shorten(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view dots = "...";
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max - std::min(bytes_max, dots.size());
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)).append(dots);
}

std::string format_offset(std::chrono::seconds offset) {
  struct unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr std::array<unit, 4> units = {{{86'400, " d"}, {3'600, " h"}, {60, " min"}, {1, " s"}}};
  std::string text;
  std::int64_t left = offset.count();
  for (const unit& each : units) {
    const std::int64_t count = left / each.seconds;
    left %= each.seconds;
    if (count == 0) continue;
    text.append(text.empty() ? "" : " ").append(std::to_string(count)).append(each.name);
  }
  return text.empty() ? "0 s" : text;
}

std::string render_status_page(const status& shown) {
  page p;
  p.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  p.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
  p.raw("<title>Parley sandbox</title>\n<style>").raw(style).raw("</style>\n</head>\n<body>\n");
  p.raw("<header>\n<h1>Parley sandbox</h1>\n<p class=\"soft\">The call API, emulated at <code>");
  p.text(shown.url).raw("</code>. Version ").text(parley::version);
  p.raw(". The page shows one moment: load it again for the next.</p>\n");
  p.raw("<nav aria-label=\"Sections\"><ul>\n");
  constexpr std::array<std::array<std::string_view, 2>, 7> links = {{
      {"#calls", "Calls"},
      {"#requests", "Requests"},
      {"#records", "Idempotency records"},
      {"#webhooks", "Webhooks"},
      {"#faults", "Fault rules"},
      {"#magic", "Magic numbers"},
      {"/openapi.json", "OpenAPI document"},
  }};
  for (const auto& [target, name] : links) {
    p.raw("<li><a href=\"").raw(target).raw("\">").text(name).raw("</a></li>\n");
  }
  p.raw("</ul></nav>\n<dl class=\"facts\">\n");
  p.fact("Calls placed", std::to_string(shown.calls_placed));
  p.fact("Requests", std::to_string(shown.requests.total));
  p.fact("Handler runs", std::to_string(shown.requests.handler_runs));
  p.fact("Fault rules", std::to_string(shown.rules.size()));
  p.fact("Clock offset", format_offset(shown.offset));
  p.fact("Clock (UTC)", short_time(shown.now));
  p.raw("</dl>\n</header>\n<main>\n");
  add_calls(p, shown);
  add_requests(p, shown);
  add_records(p, shown);
  add_webhooks(p, shown);
  add_rules(p, shown);
  add_magic(p);
  p.raw(
      "</main>\n<footer class=\"soft\"><p>The same as data: <code>GET /sandbox/requests</code>, ");
  p.raw("<code>/sandbox/faults</code>, <code>/sandbox/magic</code>.</p></footer>\n");
  p.raw("</body>\n</html>\n");
  return std::move(p).finish();
}

}  // namespace parley::sandbox
