// Bytes in gzip's format, as `gzip -d` and the readers of CSV files take them. One thread. Unavailable if
// fleet-sim was built without zlib. Throws std::runtime_error when zlib has no memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace fleet_sim::exports {

class Gzip {
 public:
  // False without zlib.
  static bool is_available();

  Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip();

  // Compresses these bytes too, and returns what can be written so far.
  std::string add(std::string_view bytes);
  // The rest. Once.
  std::string end();

 private:
  struct Stream;
  std::string pass(std::string_view bytes, bool ends);
  std::unique_ptr<Stream> stream_;
};

}  // namespace fleet_sim::exports
