// Numbers as a person reads them. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace fleet_sim {

// "12,345,678"
std::string grouped(std::uint64_t n);

// "0.8 ms", "1.25 s", "3 min 20 s", "2 d 4 h": in whatever units fit.
std::string duration_text(double seconds);

// "46.2 MB"
std::string bytes_text(std::uint64_t bytes);

}  // namespace fleet_sim
