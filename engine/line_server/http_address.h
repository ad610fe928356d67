// The address of a server that takes lines over HTTP: `//user:password@host:port/path?query`, under the
// scheme lines+http or lines+https. Values; while starting, main thread.
#pragma once

#include <string>
#include <vector>

#include "config/sink_settings.h"

namespace fleet_sim::line_server {

struct HttpAddress {
  std::string text;  // without secrets: for people and logs
  bool is_secure = false;
  std::string host;
  std::string port;
  std::string target;                     // path and query, with their secrets, as the server gets them
  std::string authorization;              // header; empty: none
  std::vector<std::string> secrets = {};  // which a server may quote, and no message of ours
};

// A password file that the settings name has the password of the user in the address or, where there is no
// user, a token. Throws InvalidInput, which quotes no secrets, for an address or a file that cannot be used.
HttpAddress http_address_of(const config::SinkSettings& sink);

}  // namespace fleet_sim::line_server
