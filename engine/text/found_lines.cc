#include "text/found_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include "base/cadence.h"
#include "base/json_writer.h"
#include "format/pieces.h"
#include "text/text_address.h"

namespace fleet_sim::text {
namespace {

using format::RowFormat;

constexpr std::size_t block_bytes = std::size_t{4} << 20;

// Sensors by their ids as a format writes them, so that nothing has to be read that is not looked for.
class Ids {
 public:
  Ids(RowFormat format, const identity::Roster& roster) {
    for (std::uint32_t i = 0; i < roster.size(); ++i) {
      std::string written;
      if (format == RowFormat::csv) {
        format::append_csv_text(written, roster[i].id);
      } else if (format == RowFormat::ndjson) {
        append_json_text(written, roster[i].id);
      } else {
        format::append_tag(written, "sensor_id", roster[i].id);
      }
      sensors_.emplace(std::move(written), i);
    }
  }

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view written) const {
    const auto found = sensors_.find(std::string(written));
    if (found == sensors_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> sensors_;
};

// The end of a text in double quotes that begins here, behind the closing one.
std::size_t end_of_quoted(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.npos;
}

struct Line {
  std::string_view id;  // as it is written
  Timestamp due;
  Timestamp arrived_at;
};

std::optional<Line> line_of(std::string_view timestamp, std::string_view id) {
  const auto due = parse_timestamp(timestamp);
  if (!due) return std::nullopt;
  return Line{id, *due, *due};
}

std::optional<Line> read_json(std::string_view line) {
  constexpr std::string_view begin = "{\"timestamp\":\"";
  constexpr std::string_view middle = "\",\"sensor_id\":";
  if (line.size() < begin.size() + timestamp_width + middle.size() || !line.starts_with(begin))
    return std::nullopt;
  const std::string_view timestamp = line.substr(begin.size(), timestamp_width);
  const std::string_view rest = line.substr(begin.size() + timestamp_width);
  if (!rest.starts_with(middle)) return std::nullopt;
  const std::string_view id = rest.substr(middle.size());
  return line_of(timestamp, id.substr(0, end_of_quoted(id)));
}

std::optional<Line> read_csv(std::string_view line) {
  if (line.size() <= timestamp_width || line[timestamp_width] != ',') return std::nullopt;
  const std::string_view rest = line.substr(timestamp_width + 1);
  std::size_t end = 0;
  for (bool is_quoted = false; end < rest.size() && (is_quoted || rest[end] != ','); ++end)
    is_quoted = is_quoted != (rest[end] == '"');
  return line_of(line.substr(0, timestamp_width), rest.substr(0, end));
}

// Escapes keep a text from looking like a tag.
std::optional<Line> read_line_protocol(std::string_view line) {
  const std::size_t begin = line.find(",sensor_id=");
  const std::size_t last = line.rfind(' ');
  if (begin == line.npos || last == line.npos) return std::nullopt;
  std::size_t end = begin + 1;
  while (end < line.size() && line[end] != ' ' && line[end] != ',') end += line[end] == '\\' ? 2 : 1;
  Timestamp nanoseconds = 0;
  const char* const stop = line.data() + line.size();
  const auto read = std::from_chars(line.data() + last + 1, stop, nanoseconds);
  if (read.ec != std::errc() || read.ptr != stop || end >= line.size()) return std::nullopt;
  return Line{line.substr(begin, end - begin), nanoseconds / 1'000, nanoseconds / 1'000};
}

std::optional<Line> read_line(RowFormat format, std::string_view line) {
  switch (format) {
    case RowFormat::csv:
      return read_csv(line);
    case RowFormat::ndjson:
      return read_json(line);
    case RowFormat::line_protocol:
      return read_line_protocol(line);
  }
  return std::nullopt;
}

// The moment behind the name, which only a column has, and not a text; none for null.
std::optional<Timestamp> moment_in(std::string_view line, std::string_view name) {
  const std::size_t at = line.rfind(name);
  if (at == line.npos) return std::nullopt;
  return parse_timestamp(line.substr(at + name.size(), timestamp_width));
}

std::optional<std::uint64_t> number_in(std::string_view line, std::string_view name) {
  const std::size_t at = line.rfind(name);
  if (at == line.npos) return std::nullopt;
  std::uint64_t number = 0;
  const auto read = std::from_chars(line.data() + at + name.size(), line.data() + line.size(), number);
  return read.ec == std::errc() ? std::optional(number) : std::nullopt;
}

// With what delivery says at the line's end.
std::optional<Line> read_delivered(RowFormat format, std::string_view text) {
  std::optional<Line> line = read_line(format, text);
  if (!line) return std::nullopt;
  std::optional<Timestamp> due;
  std::optional<Timestamp> arrived_at;
  switch (format) {
    case RowFormat::csv:
      if (text.size() <= 2 * timestamp_width) return std::nullopt;
      due = parse_timestamp(text.substr(text.size() - 2 * timestamp_width - 1, timestamp_width));
      arrived_at = parse_timestamp(text.substr(text.size() - timestamp_width));
      break;
    case RowFormat::ndjson:
      due = moment_in(text, ",\"due\":\"");
      arrived_at = moment_in(text, ",\"arrived_at\":\"");
      break;
    case RowFormat::line_protocol:
      due = moment_in(text, ",due=\"");
      arrived_at = moment_in(text, ",arrived_at=\"");
  }
  if (!due || !arrived_at) return std::nullopt;
  return Line{line->id, *due, *arrived_at};
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      : path_(path), number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (number_ < 0) fail();
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(number_); }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] off_t size() const {
    struct stat status {};
    if (::fstat(number_, &status) != 0) fail();
    return status.st_size;
  }
  [[nodiscard]] std::string read(off_t from, std::size_t bytes) const {
    std::string text(bytes, '\0');
    for (std::size_t done = 0; done < bytes;) {
      const ssize_t got = ::pread(number_, text.data() + done, bytes - done, from + static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) fail();
      done += static_cast<std::size_t>(got);
    }
    return text;
  }

 private:
  [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), path_); }

  const std::string& path_;
  int number_;
};

// Gathers the lines of each shard, the last ones first.
class Gatherer {
 public:
  Gatherer(RowFormat format, bool has_delivery, const identity::Roster& roster, const write::Places& places,
           std::size_t shards)
      : format_(format),
        has_delivery_(has_delivery),
        ids_(format, roster),
        places_(places),
        found_(shards),
        complete_(shards, false) {}

  // False once nothing before it is needed.
  bool take(std::string_view line) {
    const auto read = has_delivery_ ? read_delivered(format_, line) : read_line(format_, line);
    const auto sensor = read ? ids_.find(read->id) : std::nullopt;
    if (!sensor) return true;
    const std::uint32_t shard = places_[*sensor].shard;
    write::FoundRows& found = found_[shard];
    if (read->arrived_at >= found.last() - longest_window || found.last() == earliest_timestamp) {
      found.add(*sensor, read->due, read->arrived_at);
    } else if (read->arrived_at < found.last() - 2 * longest_window && !complete_[shard]) {
      complete_[shard] = true;
      return std::ranges::find(complete_, false) != complete_.end();
    }
    return true;
  }

  std::vector<write::FoundRows> finish() {
    for (write::FoundRows& found : found_) found.keep_last_second();
    return std::move(found_);
  }

 private:
  const RowFormat format_;
  const bool has_delivery_;
  const Ids ids_;
  const write::Places& places_;
  std::vector<write::FoundRows> found_;
  std::vector<bool> complete_;
};

// Lines in a block from the last to the first. False once nothing before them is needed.
bool take_backward(std::string_view block, Gatherer& gatherer) {
  while (!block.empty()) {
    block.remove_suffix(1);
    const std::size_t before = block.rfind('\n');
    const std::size_t begin = before == block.npos ? 0 : before + 1;
    if (!gatherer.take(block.substr(begin))) return false;
    block = block.substr(0, begin);
  }
  return true;
}

void read_readings(const std::string& path, Gatherer& gatherer) {
  const Descriptor file(path);
  off_t at = end_of_whole_lines(file.number(), file.size());
  std::string rest;  // of a line that begins before the block
  while (at > 0) {
    const auto bytes = static_cast<std::size_t>(std::min<off_t>(at, block_bytes));
    at -= static_cast<off_t>(bytes);
    const std::string block = file.read(at, bytes) + rest;
    const std::size_t first = at == 0 ? 0 : block.find('\n') + 1;
    if (at > 0 && first == 0) {
      rest = block;
      continue;
    }
    if (!take_backward(std::string_view(block).substr(first), gatherer)) return;
    rest = block.substr(0, first);
  }
}

// Lines of ground truth, each to the rows of its sensor's shard.
class Truth {
 public:
  Truth(const config::Config& config, const identity::Roster& roster, const write::Places& places,
        std::vector<write::FoundRows>& found)
      : ids_(RowFormat::ndjson, roster), places_(places), found_(found) {
    for (const scenario::Entry& entry : config.scenario) {
      std::string written;
      append_json_text(written, entry.name);
      names_.emplace(std::move(written), entry.name);
    }
  }

  void take(std::string_view line) {
    const auto sensor = ids_.find(take_text(line, "{\"sensor_id\":"));
    if (!sensor) return;
    write::FoundRows& rows = found_[places_[*sensor].shard];
    if (const std::string_view name = take_text(line, ",\"name\":"); !name.empty()) {
      take_fleet_event(rows, *sensor, name, line);
    } else if (const std::string_view kind = take_text(line, ",\"kind\":"); !kind.empty()) {
      take_delivery(rows, *sensor, kind.substr(1, kind.size() - 2), line);
    } else if (const auto started_at = moment_in(line, ",\"started_at\":\"")) {
      rows.add_event(*sensor, *started_at);
      if (moment_in(line, ",\"ended_at\":\"")) rows.add_end(*sensor, *started_at);
    }
  }

 private:
  // The text behind the name, in its quotes, and the line goes on behind it; nothing where another name
  // comes.
  static std::string_view take_text(std::string_view& line, std::string_view name) {
    if (!line.starts_with(name)) return {};
    const std::string_view rest = line.substr(name.size());
    const std::string_view text = rest.substr(0, end_of_quoted(rest));
    if (text.size() < 2) return {};
    line = rest.substr(text.size());
    return text;
  }

  void take_fleet_event(write::FoundRows& rows, std::uint32_t sensor, std::string_view name,
                        std::string_view line) const {
    const auto entry = names_.find(std::string(name));
    const auto started_at = moment_in(line, ",\"started_at\":\"");
    if (entry != names_.end() && started_at) rows.add_fleet_event(sensor, *started_at, entry->second);
  }

  static void take_delivery(write::FoundRows& rows, std::uint32_t sensor, std::string_view kind,
                            std::string_view line) {
    const auto& kinds = batch::Delivery::kind_names;
    const auto named = std::ranges::find(kinds, kind);
    const auto due = moment_in(line, ",\"due\":\"");
    const auto sequence = number_in(line, ",\"sequence\":");
    if (named == kinds.end() || !due || !sequence) return;
    rows.add_delivery(sensor, *due, *sequence, static_cast<batch::Delivery::Kind>(named - kinds.begin()));
  }

  const Ids ids_;
  const write::Places& places_;
  std::unordered_map<std::string, std::string> names_;  // of the scenario's entries, as they are written
  std::vector<write::FoundRows>& found_;
};

}  // namespace

off_t end_of_whole_lines(int descriptor, const off_t whole_size) {
  off_t size = whole_size;
  std::string block;
  while (size > 0) {
    const auto bytes = static_cast<std::size_t>(std::min<off_t>(size, block_bytes));
    block.resize(bytes);
    const off_t from = size - static_cast<off_t>(bytes);
    if (::pread(descriptor, block.data(), bytes, from) != static_cast<ssize_t>(bytes)) return whole_size;
    if (const std::size_t last = block.rfind('\n'); last != block.npos)
      return from + static_cast<off_t>(last) + 1;
    size = from;
  }
  return 0;
}

std::vector<write::FoundRows> find_lines(const config::Config& config, const identity::Roster& roster,
                                         const write::Places& places, std::size_t shards) {
  const TextAddress address = read_text_address(config.sink.address);
  Gatherer gatherer(address.format, config::delivers(config), roster, places, shards);
  read_readings(address.place.path, gatherer);
  std::vector<write::FoundRows> found = gatherer.finish();
  if (config.sink.events.empty()) return found;
  const Place events = read_events_place(config.sink.events);
  if (events.descriptor >= 0) return found;
  Truth truth(config, roster, places, found);
  std::ifstream file(events.path, std::ios::binary);
  for (std::string line; std::getline(file, line) && !file.eof();) truth.take(line);
  return found;
}

}  // namespace fleet_sim::text
