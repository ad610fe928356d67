// What an address of text names: a format, and where its lines go. Plain values; any thread.
#pragma once

#include <string>
#include <string_view>

#include "config/sinks.h"
#include "format/row_format.h"

namespace fleet_sim::text {

// Where lines go: an open descriptor, a file or named pipe, or a server.
struct Place {
  int descriptor = -1;    // else
  std::string path = {};  // else
  std::string host = {};
  std::string port = {};

  [[nodiscard]] bool is_server() const { return !host.empty(); }
};

struct TextAddress {
  format::RowFormat format = format::RowFormat::ndjson;
  Place place;
};

// Throws InvalidInput.
TextAddress read_text_address(const config::SinkAddress& address);

// "FILE", or "fd:N" for a descriptor that the process was started with. Throws InvalidInput.
Place read_events_place(std::string_view text);

}  // namespace fleet_sim::text
