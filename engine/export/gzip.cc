#include "export/gzip.h"

#include <stdexcept>

#ifdef FLEET_SIM_ZLIB
#include <zlib.h>

#include <algorithm>
#include <limits>
#endif

namespace fleet_sim::exports {

#ifdef FLEET_SIM_ZLIB

struct Gzip::Stream {
  z_stream z{};
};

bool Gzip::is_available() {
  return true;
}

Gzip::Gzip() : stream_(std::make_unique<Stream>()) {
  constexpr int window_of_gzip = 15 + 16;
  constexpr int usual_memory = 8;
  if (deflateInit2(&stream_->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_of_gzip, usual_memory,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("gzip: out of memory");
  }
}

Gzip::~Gzip() {
  deflateEnd(&stream_->z);
}

std::string Gzip::add(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, std::numeric_limits<unsigned>::max());
    out += pass(part, false);
    bytes.remove_prefix(part.size());
  }
  return out;
}

std::string Gzip::end() {
  return pass({}, true);
}

std::string Gzip::pass(std::string_view bytes, bool ends) {
  z_stream& z = stream_->z;
  // zlib reads only, but its older interface does not say so.
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int code = Z_OK;
  do {
    char room[1 << 16];
    z.next_out = reinterpret_cast<Bytef*>(room);
    z.avail_out = sizeof room;
    code = deflate(&z, ends ? Z_FINISH : Z_NO_FLUSH);
    out.append(room, sizeof room - z.avail_out);
  } while (z.avail_out == 0);
  if (code == Z_STREAM_ERROR) throw std::runtime_error("gzip: the stream is broken");
  return out;
}

#else

struct Gzip::Stream {};

bool Gzip::is_available() {
  return false;
}

Gzip::Gzip() {
  throw std::runtime_error("this fleet-sim was built without zlib");
}

Gzip::~Gzip() = default;

std::string Gzip::add(std::string_view) {
  return {};
}

std::string Gzip::end() {
  return {};
}

#endif

}  // namespace fleet_sim::exports
