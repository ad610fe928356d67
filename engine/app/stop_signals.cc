#include "app/stop_signals.h"

#include <unistd.h>

#include <csignal>

namespace fleet_sim {
namespace {

constexpr int forced_exit = 130;

}  // namespace

StopSignals::StopSignals() : signals_(context_, SIGINT, SIGTERM) {
  listen();
}

void StopSignals::listen() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (received_ != 0) _exit(forced_exit);
    received_ = signal;
    context_.stop();
    listen();
  });
}

void StopSignals::wait_for(std::chrono::milliseconds span) {
  context_.restart();
  context_.run_for(span);
}

}  // namespace fleet_sim
