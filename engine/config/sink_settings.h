// The section `sink`: where readings go. Below the struct are the rows of its keys. Plain values; any thread.
#pragma once

#include <string>

#include "config/codec.h"
#include "config/key_row.h"
#include "config/sinks.h"

namespace fleet_sim::config {

struct SinkSettings {
  SinkAddress address;
  std::string events;         // of a sink of text: where its ground truth goes; empty: nowhere
  std::string password_file;  // empty: the password is elsewhere, if there is one

  bool operator==(const SinkSettings&) const = default;
};

template <class Section>
void sink_keys(Section sink) {
  const Codec<SinkAddress> address{parse_sink_address, [](const SinkAddress& value) { return value.text(); }};
  sink.row(
      &SinkSettings::address, address,
      {.name = "sink.address",
       .also = "database.sink",
       .flag = "--sink",
       .value = sink_notation(),
       .help = sink_help(),
       .more = "also called database.sink; passwords and tokens in an address are used, but not recorded",
       .null_is_a_word = true});
  sink.row(
      &SinkSettings::events, path(),
      {.name = "sink.events",
       .value = "FILE|fd:N",
       .help = "Where ground truth goes, as NDJSON, if readings go to text",
       .more = "empty: nowhere; fd:3 is an open descriptor, as in `3>events.ndjson`; other sinks keep it "
               "beside the readings"});
  sink.row(&SinkSettings::password_file, path(),
           {.name = "sink.password_file",
            .value = "FILE",
            .help = "File whose first line is the password or token for the address",
            .more = "PostgreSQL also takes one from PGPASSWORD and PGPASSFILE"});
}

}  // namespace fleet_sim::config
