#include "text/text_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "tables/schema.h"
#include "text/event_lines.h"
#include "write/sinks.h"

namespace fleet_sim::text {
namespace {

constexpr std::size_t bytes_at_once = std::size_t{64} << 10;  // as much as a pipe holds

Existing existing_of(const config::Config& config, bool is_resumed) {
  if (is_resumed) return Existing::resumed;
  return config.simulation.append ? Existing::appended : Existing::refused;
}

void move_incidents(LineOutput& from, write::Answer& to) {
  std::ranges::move(from.take_incidents(), std::back_inserter(to.incidents));
}

}  // namespace

std::unique_ptr<write::Sink> make_sink(const write::SinkParts& parts) {
  const config::SinkSettings& sink = parts.config.sink;
  const std::string address = sink.address.text();
  if (parts.config.write.writers > 1) {
    throw InvalidInput(fmt::format("sink.address {} has one writer; leave out --writers (database.writers)",
                                   in_quotes(address)));
  }
  TextSink::Outputs outputs{read_text_address(sink.address), address};
  if (outputs.readings.format == format::RowFormat::csv && parts.types > 1) {
    throw InvalidInput(fmt::format(
        "sink.address {}: csv has readings of one type of sensor, and these are of {}; use ndjson "
        "or lines, which take any, or a run for each type",
        in_quotes(address), parts.types));
  }
  if (!sink.events.empty()) {
    outputs.events = read_events_place(sink.events);
    outputs.events_name = sink.events;
  }
  outputs.existing = existing_of(parts.config, parts.run.resumed_at.has_value());
  return std::make_unique<TextSink>(std::move(outputs), parts.roster);
}

TextSink::TextSink(Outputs outputs, const identity::Roster& roster)
    : format_(outputs.readings.format),
      roster_(roster),
      readings_(std::move(outputs.readings.place), std::move(outputs.name), outputs.existing) {
  if (outputs.events) {
    events_ = std::make_unique<LineOutput>(std::move(*outputs.events), std::move(outputs.events_name),
                                           outputs.existing);
  }
}

std::unique_ptr<write::Destination> TextSink::make(const write::Target& target, write::Reply) {
  return std::make_unique<TextDestination>(*this, target);
}

TextDestination::TextDestination(TextSink& sink, const write::Target& target)
    : sink_(sink),
      name_(target.name),
      schema_(*target.schema),
      formatter_(sink.format_, sink.roster_, *target.schema) {
  if (!sink_.header_) sink_.header_ = formatter_.header();
  is_of_other_columns_ = formatter_.header() != *sink_.header_;
}

write::Failure TextDestination::open() {
  const std::lock_guard lock(sink_.mutex_);
  return open_outputs();
}

write::Failure TextDestination::open_outputs() {
  if (is_of_other_columns_) {
    return {write::Failure::Kind::foreign, ErrorClass::schema,
            "csv has readings of one type of sensor; use ndjson or lines"};
  }
  write::Failure failure = sink_.readings_.open(*sink_.header_);
  if (!failure.ok() || !sink_.events_) return failure;
  failure = sink_.events_->open("");
  if (!failure.ok()) failure.message = fmt::format("{}: {}", sink_.events_->name(), failure.message);
  return failure;
}

// Ground truth goes first: who reads an anomalous reading can look it up.
std::optional<write::Answer> TextDestination::take(const write::Lot& lot) {
  const std::lock_guard lock(sink_.mutex_);
  if (std::exchange(number_, lot.number) != lot.number) done_ = {};
  done_ = done_.within(lot.share());
  write::Answer answer;
  LineOutput::Taken taken{.has_ended = sink_.has_ended_};
  if (!taken.has_ended) taken.failure = open_outputs();
  if (taken.is_whole()) taken = take_truth(lot);
  if (taken.is_whole()) taken = take_readings(lot);
  move_incidents(sink_.readings_, answer);
  if (sink_.events_) move_incidents(*sink_.events_, answer);
  answer.failure = std::move(taken.failure);
  if (taken.has_ended) {
    sink_.has_ended_ = answer.has_ended = true;
    answer.untaken = lot.share().without(done_);
  }
  return answer;
}

write::PartTaken TextDestination::part_taken(const write::Lot& lot) const {
  if (number_ != lot.number) return {};
  return {done_, {}, {}};
}

LineOutput::Taken TextDestination::take_truth(const write::Lot& lot) {
  const write::Share all = lot.share();
  if (!sink_.events_) {
    done_ = {done_.readings, all.events, all.fleet_events, all.deliveries};
    return {};
  }
  const auto take_rows = [&](std::size_t& done, std::size_t count, const auto& append) {
    return take_lines(*sink_.events_, done, count, lot.is_stopping, [&](std::size_t i) {
      truth_.clear();
      append(i);
      lines_.append(truth_);
    });
  };
  LineOutput::Taken taken = take_rows(done_.fleet_events, all.fleet_events, [&](std::size_t i) {
    append_event(truth_, lot.fleet_events[i], sink_.roster_);
  });
  if (taken.is_whole()) {
    taken = take_rows(done_.events, all.events,
                      [&](std::size_t i) { append_event(truth_, lot.events[i], sink_.roster_, schema_); });
  }
  if (taken.is_whole()) {
    taken = take_rows(done_.deliveries, all.deliveries,
                      [&](std::size_t i) { append_delivery(truth_, lot.deliveries[i], sink_.roster_); });
  }
  return taken;
}

LineOutput::Taken TextDestination::take_readings(const write::Lot& lot) {
  return take_lines(sink_.readings_, done_.readings, lot.readings.size(), lot.is_stopping,
                    [&](std::size_t i) { formatter_.append(lines_, lot.readings[i]); });
}

// A chunk after the other, from the first row that is not done.
template <class Append>
LineOutput::Taken TextDestination::take_lines(LineOutput& output, std::size_t& done, std::size_t count,
                                              bool is_stopping, const Append& append) {
  LineOutput::Taken taken;
  while (done < count && taken.is_whole()) {
    lines_.clear();
    ends_.clear();
    for (std::size_t i = done; i < count && lines_.size() < bytes_at_once; ++i) {
      append(i);
      ends_.push_back(lines_.size());
    }
    taken = output.take(lines_.view(), ends_, is_stopping);
    done += taken.lines;
  }
  return taken;
}

}  // namespace fleet_sim::text
