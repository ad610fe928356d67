#include "score/detections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <vector>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"

namespace fleet_sim::score {
namespace {

constexpr std::array<std::string_view, 6> our_columns{"sensor_id", "timestamp",  "score",
                                                      "flag",      "started_at", "ended_at"};
constexpr std::array<std::string_view, 6> yes_words{"1", "true", "True", "TRUE", "1.0", "yes"};
constexpr std::array<std::string_view, 7> no_words{"0", "false", "False", "FALSE", "0.0", "no", ""};

template <std::size_t count>
bool is_one_of(std::string_view text, const std::array<std::string_view, count>& words) {
  return std::ranges::find(words, text) != words.end();
}

}  // namespace

void add_column_name(ColumnNames& names, std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view ours = text.substr(0, equals);
  if (equals == std::string_view::npos || equals + 1 == text.size())
    throw InvalidInput(
        fmt::format("--map must be OURS=THEIRS, such as sensor_id=device, not {}", in_quotes(text)));
  if (!is_one_of(ours, our_columns)) {
    throw InvalidInput(fmt::format("--map: detections have no column {}{}; it is one of {}", in_quotes(ours),
                                   did_you_mean(ours, our_columns), fmt::join(our_columns, ", ")));
  }
  names[std::string(ours)] = text.substr(equals + 1);
}

DetectionReader::DetectionReader(files::CsvReader& csv, const ColumnNames& names) : csv_(csv) {
  for (const auto& [ours, theirs] : names) {
    if (find(ours, names)) continue;
    csv_.fail(fmt::format("has no column {}, which --map names; its columns are {}", in_quotes(theirs),
                          printable(fmt::format("{}", fmt::join(csv_.header(), ", ")), 200)));
  }
  sensor_ = find("sensor_id", names);
  timestamp_ = find("timestamp", names);
  score_ = find("score", names);
  flag_ = find("flag", names);
  started_at_ = find("started_at", names);
  ended_at_ = find("ended_at", names);
  if (!sensor_) fail_without("sensor_id", names);
  if (timestamp_ && (score_ || flag_)) {
    started_at_ = ended_at_ = std::nullopt;
  } else if (started_at_ && ended_at_) {
    timestamp_ = score_ = flag_ = std::nullopt;
  } else {
    fail_without("timestamp with score or flag, or started_at with ended_at", names);
  }
}

DetectionReader::Column DetectionReader::find(std::string_view ours, const ColumnNames& names) const {
  const auto mapped = names.find(ours);
  const std::string_view name = mapped == names.end() ? ours : std::string_view(mapped->second);
  const auto found = std::ranges::find(csv_.header(), name);
  if (found == csv_.header().end()) return std::nullopt;
  if (std::find(found + 1, csv_.header().end(), name) != csv_.header().end())
    csv_.fail(fmt::format("has two columns {}", in_quotes(name)));
  return static_cast<std::size_t>(found - csv_.header().begin());
}

void DetectionReader::fail_without(std::string_view what, const ColumnNames& names) const {
  const std::string example = names.contains(what.substr(0, what.find(' ')))
                                  ? ""
                                  : "; --map OURS=THEIRS names a column that is called something else";
  csv_.fail(fmt::format("has no {}; its columns are {}{}", what,
                        printable(fmt::format("{}", fmt::join(csv_.header(), ", ")), 200), example));
}

std::string DetectionReader::named(std::size_t column) const {
  return fmt::format("{} {}", printable(csv_.header()[column], 60), in_quotes(csv_[column]));
}

files::Moment DetectionReader::moment(std::size_t column) const {
  if (const auto at = files::parse_moment(csv_[column])) return *at;
  csv_.fail(
      fmt::format("{} is no time; write it like 2026-01-31T12:30:05.25Z, or in s, ms, µs or ns since 1970",
                  named(column)));
}

double DetectionReader::score() const {
  const std::string_view text = csv_[*score_];
  double score = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (error == std::errc{} && end == text.data() + text.size() && std::isfinite(score)) return score;
  csv_.fail(fmt::format("{} is no finite number; leave the row out to score it 0", named(*score_)));
}

bool DetectionReader::flag() const {
  if (is_one_of(csv_[*flag_], yes_words)) return true;
  if (is_one_of(csv_[*flag_], no_words)) return false;
  csv_.fail(fmt::format("{} is neither 1 nor 0{}", named(*flag_),
                        score_ ? "" : "; if it is a score, say so with --map score=NAME"));
}

std::optional<Detection> DetectionReader::next() {
  if (!csv_.next()) return std::nullopt;
  if (ended_at_) {
    const files::Moment from = moment(*started_at_);
    const files::Moment until = moment(*ended_at_);
    if (from.at > until.at) csv_.fail(fmt::format("{} is after {}", named(*started_at_), named(*ended_at_)));
    return Detection{from.at, until.at + until.unit - 1, 1, 1, 0, true, true};
  }
  const files::Moment at = moment(*timestamp_);
  const bool is_flagged = flag_ && flag();
  return Detection{at.at, at.at, at.unit, score_ ? score() : is_flagged ? 1.0 : 0.0, 0, is_flagged, false};
}

}  // namespace fleet_sim::score
