// What the operating system says about this process and allows it. Main thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fleet_sim::status {

unsigned core_count();

// How many files the process may have open at once; at most a million.
std::size_t descriptor_limit();

// Has the system let this process have so many files open, or as many as it may at most.
void raise_descriptor_limit(std::size_t wanted);

// How many connections the status server may take, so that shards keep most of the files.
std::size_t http_connections();

// The most memory that has been resident; 0 where the system does not tell.
std::uint64_t peak_memory_bytes();

// The memory that is resident; 0 where the system does not tell.
std::uint64_t memory_bytes();

// Gives back to the system what has been freed but is kept for later; where the C library can.
void return_free_memory();

// Processor time of all threads so far, user and system.
double cpu_seconds();

}  // namespace fleet_sim::status
