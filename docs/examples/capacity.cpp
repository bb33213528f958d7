// SPDX-License-Identifier: Apache-2.0
//
// How many Redis masters the records of a service need, what decides it, and what each of them has
// to carry (docs/guide/scale.md).
//
//   example_capacity --mutations 2000,50000 --response-bytes 1024 --retention-hours 24

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "capacity.hpp"

namespace {

using parley::examples::capacity_input;
using parley::examples::capacity_plan;

constexpr const char* usage =
    "usage: example_capacity [--option value]...\n"
    "the load, at its peak:\n"
    "  --mutations N[,N...]      requests with a key a second, up to five rates\n"
    "                            (100000,1000000,10000000)\n"
    "  --mean-percent N          their mean over the retention, of the peak (100)\n"
    "  --replays-percent N       of them, answered from a record (5)\n"
    "  --response-bytes N        of a stored response, the head among them (200)\n"
    "  --retention-hours N       (24)\n"
    "the servers:\n"
    "  --replicas N              of each master (1)\n"
    "  --wait-replicas N         that a write waits for (1)\n"
    "  --node-memory-gib N       of the machine, for Redis (64)\n"
    "  --headroom-percent N      of it, left free (50)\n"
    "  --expired-percent N       records that are over and not removed yet, beside the others "
    "(25)\n"
    "  --node-gbits N            in each direction (10)\n"
    "  --operations-a-core N     a second: a claim is one, its completion another (130000)\n"
    "  --utilization-percent N   of the core and of the network at the peak (60)\n"
    "exit status: 0 printed, 1 it cannot be printed, 2 the options cannot be used so\n";

constexpr std::size_t rates_max = 5;

struct option {
  std::string_view name;
  double capacity_input::*value;
};
constexpr option options[] = {
    {"--mean-percent", &capacity_input::mean_percent},
    {"--replays-percent", &capacity_input::replays_percent},
    {"--response-bytes", &capacity_input::response_bytes},
    {"--retention-hours", &capacity_input::retention_hours},
    {"--replicas", &capacity_input::replicas},
    {"--wait-replicas", &capacity_input::wait_replicas},
    {"--node-memory-gib", &capacity_input::node_memory_gib},
    {"--headroom-percent", &capacity_input::headroom_percent},
    {"--expired-percent", &capacity_input::expired_percent},
    {"--node-gbits", &capacity_input::node_gbits},
    {"--operations-a-core", &capacity_input::operations_a_core},
    {"--utilization-percent", &capacity_input::utilization_percent},
};

struct misuse {
  std::string what;
};

double parse_number(std::string_view name, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw misuse{std::string(name) + ": not a number"};
  }
  return value;
}

std::vector<double> parse_rates(std::string_view text) {
  std::vector<double> made;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    made.push_back(parse_number("--mutations", text.substr(begin, end - begin)));
    begin = end + 1;
  }
  if (made.size() > rates_max) throw misuse{"--mutations: more than five rates"};
  return made;
}

std::vector<capacity_input> read_arguments(const std::vector<std::string_view>& words) {
  capacity_input given;
  std::vector<double> rates = {100'000, 1'000'000, 10'000'000};
  std::vector<std::string_view> seen;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const std::string_view name = words[i];
    const auto* const found = std::ranges::find(options, name, &option::name);
    const bool is_rates = name == "--mutations";
    if (!is_rates && found == std::end(options)) throw misuse{std::string(name) + ": no option"};
    if (std::ranges::find(seen, name) != seen.end()) {
      throw misuse{std::string(name) + " is given twice"};
    }
    seen.push_back(name);
    if (i + 1 == words.size()) throw misuse{std::string(name) + ": there is nothing behind it"};
    if (is_rates) {
      rates = parse_rates(words[i + 1]);
    } else {
      given.*found->value = parse_number(name, words[i + 1]);
    }
  }
  std::vector<capacity_input> made;
  for (const double rate : rates) {
    given.mutations_per_second = rate;
    if (std::string wrong = check(given); !wrong.empty()) throw misuse{std::move(wrong)};
    made.push_back(given);
  }
  return made;
}

// ---- Text

std::string whole(double n) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.0f", n);
  std::string made = text.data();
  for (std::size_t at = made.size(); at > 3; at -= 3) made.insert(at - 3, ",");
  return made;
}

// Three digits, and how often it was divided. What would be rounded up to four is divided once
// more.
std::string short_form(double n, double by, const char* const* units) {
  for (; n >= 999.5; ++units) n /= by;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.*f%s%s",
                n >= 99.95 || n == std::floor(n) ? 0
                : n >= 9.995                     ? 1
                                                 : 2,
                n, **units == '\0' ? "" : " ", *units);
  return text.data();
}

std::string amount(double n) {
  constexpr const char* units[] = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  return short_form(n, 1'000, units);
}

std::string bytes(double n) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  return short_form(n, 1'024, units);
}

std::string masters(const std::optional<double>& n) {
  return n ? whole(*n) : "above " + whole(parley::examples::slots);
}

const char* name_of(parley::examples::binding what) {
  switch (what) {
    case parley::examples::binding::memory: return "memory";
    case parley::examples::binding::processor: return "processor";
    case parley::examples::binding::network: return "network";
  }
  return "unknown";
}

struct column {
  capacity_input in;
  capacity_plan plan;
};

template <class Cell>
void print_row(const char* name, const std::vector<column>& columns, Cell cell) {
  std::printf("%-34s", name);
  for (const column& each : columns) std::printf("%16s", cell(each).c_str());
  std::puts("");
}

void print(const std::vector<column>& columns) {
  const auto row = [&columns](const char* name, auto cell) { print_row(name, columns, cell); };
  row("mutations a second", [](const column& c) { return whole(c.in.mutations_per_second); });
  row("records", [](const column& c) { return amount(c.plan.records); });
  row("memory of a record", [](const column& c) { return bytes(c.plan.record_bytes); });
  row("memory of all records", [](const column& c) { return bytes(c.plan.memory_bytes); });
  row("the same, with replicas",
      [](const column& c) { return bytes(c.plan.memory_bytes * (1 + c.in.replicas)); });
  row("operations a second", [](const column& c) { return amount(c.plan.operations_per_second); });
  row("masters of one cluster: by memory",
      [](const column& c) { return masters(c.plan.by_memory); });
  row("  by processor", [](const column& c) { return masters(c.plan.by_processor); });
  row("  by network", [](const column& c) { return masters(c.plan.by_network); });
  row("what decides", [](const column& c) { return std::string(name_of(c.plan.binds)); });
  row("clusters", [](const column& c) { return whole(c.plan.clusters); });
  row("masters of each", [](const column& c) { return whole(c.plan.masters); });
  row("nodes in all, with replicas", [](const column& c) { return whole(c.plan.nodes); });
  row("of the fullest master: records",
      [](const column& c) { return amount(c.plan.master_records); });
  row("  memory", [](const column& c) { return bytes(c.plan.master_memory_bytes); });
  row("  into it, Mbit/s", [](const column& c) { return amount(c.plan.master_in_gbits * 1e3); });
  row("  out of it, Mbit/s", [](const column& c) { return amount(c.plan.master_out_gbits * 1e3); });
  row("  files, at most", [](const column& c) { return bytes(c.plan.master_file_bytes); });
  row("  to its file, MB/s",
      [](const column& c) { return amount(c.plan.master_log_bytes_second / 1e6); });
}

void print_warnings(const std::vector<column>& columns) {
  const capacity_input& given = columns.front().in;
  if (given.replicas == 0) {
    std::puts(
        "! no replica: a node that is lost takes its records along, and what they told of "
        "may run again");
  } else if (given.wait_replicas < given.replicas) {
    std::puts("! fewer waited for than there are: a replica that lacks a record may be promoted");
  }
  for (const column& each : columns) {
    if (each.plan.clusters <= 1) continue;
    std::printf(
        "! %s a second: one cluster would have more than the %s nodes that the Redis "
        "Cluster\n  specification aims at. %s of them share the tenants\n",
        whole(each.in.mutations_per_second).c_str(),
        whole(parley::examples::cluster_nodes_max).c_str(), whole(each.plan.clusters).c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (std::ranges::find(words, "--help") != words.end()) {
    std::fputs(usage, stdout);
    return 0;
  }
  try {
    std::vector<column> columns;
    for (const capacity_input& each : read_arguments(words)) {
      columns.push_back({each, plan_capacity(each)});
    }
    print(columns);
    print_warnings(columns);
  } catch (const misuse& wrong) {
    std::fprintf(stderr, "%s\n%s", wrong.what.c_str(), usage);
    return 2;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("example_capacity: cannot write\n", stderr);
    return 1;
  }
  return 0;
}
