#include "status/process.h"

#include <sched.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "status/http_server.h"

namespace fleet_sim::status {
namespace {

// From the kernel's account of this program; getrusage would count what the process was before it became this
// program.
std::uint64_t memory_account(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == name && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

unsigned core_count() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return std::max(1u, std::thread::hardware_concurrency());
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
}

std::size_t descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return std::min<std::size_t>(limit.rlim_cur, 1'000'000);
}

void raise_descriptor_limit(std::size_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::size_t http_connections() {
  return std::clamp<std::size_t>(descriptor_limit() / 8, 4, status::most_connections);
}

std::uint64_t peak_memory_bytes() {
  return memory_account("VmHWM:");
}

std::uint64_t memory_bytes() {
  return memory_account("VmRSS:");
}

void return_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& span) {
    return static_cast<double>(span.tv_sec) + 1e-6 * static_cast<double>(span.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace fleet_sim::status
