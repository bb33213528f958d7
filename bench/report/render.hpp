// SPDX-License-Identifier: Apache-2.0
//
// The report as JSON, as Markdown and, a room at a time, as a picture.

#ifndef PARLEY_BENCH_REPORT_RENDER_HPP
#define PARLEY_BENCH_REPORT_RENDER_HPP

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/core/result.hpp"
#include "report/rows.hpp"

namespace parley::bench {

/// What was measured on and how, in pairs of a name and a text.
using run_facts = std::vector<std::pair<std::string, std::string>>;

/// A line each: the name, a tab, the text. Or which line is wrong.
result<run_facts, std::string> parse_facts(std::string_view text);

/// A list with an object a row: room, case, ours, unit, peer, peer_value, ratio, bar, holds. What
/// there is not is null.
std::string to_json(const std::vector<report_row>& rows);

/// ASCII, whatever the facts hold.
std::string to_markdown(const std::vector<report_row>& rows, const run_facts& facts);

/// The ratios of the room's rows as an SVG document; empty where none of them has one.
std::string to_svg(const std::vector<report_row>& rows, std::string_view room);

/// How many bars hold, how many cannot be judged, and which are missed, in words.
std::string summary_of(const std::vector<report_row>& rows);

}  // namespace parley::bench

#endif  // PARLEY_BENCH_REPORT_RENDER_HPP
