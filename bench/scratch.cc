#include "scratch.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <thread>

namespace fleet_sim::bench {
namespace {

constexpr int exit_interrupted = 130;
const std::filesystem::path name = "fleet_bench.tmp";

// Other threads may still be making files.
void remove_all_of(const std::filesystem::path& folder) {
  std::error_code error;
  do {
    std::filesystem::remove_all(folder, error);
  } while (error == std::errc::directory_not_empty);
}

void tidy_up_on_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    remove_all_of(name);
    fmt::print(stderr, "fleet_bench: ended by {}\n", strsignal(signal));
    _exit(exit_interrupted);
  }).detach();
}

}  // namespace

Scratch::Scratch() : folders_{name / "input", name / "output"} {
  tidy_up_on_signal();
}

Scratch::~Scratch() {
  remove_all_of(name);
}

void Scratch::make_empty(const std::filesystem::path& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
}

}  // namespace fleet_sim::bench
