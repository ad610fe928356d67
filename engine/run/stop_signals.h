// SIGINT and SIGTERM as a question the main thread asks while it waits: has anybody asked us to stop? A
// second one while we drain ends the process at once with exit code 130, whatever state it is in, unless it
// comes within a tenth of a second: then it counts as the same request. A SIGHUP asks for a reload, if anyone
// listens for it, and stops nothing, unless it comes because the terminal that the process was started from
// has gone: then it asks us to stop, because nobody watches any more. A process that ignored SIGHUP from the
// first, as under `nohup`, and one that never had a terminal, only reload. Main thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <utility>

namespace fleet_sim::run {

// Keeps a SIGHUP back until somebody listens for it, so that one that comes while a fleet is still being read
// does not end the process, and remembers whether there is a terminal to lose. Before other threads are
// started: they go on keeping it back.
void hold_reloads();

class StopSignals {
 public:
  // The one of the process. It is never destroyed: with it would go the handlers, and a signal that comes
  // after the last word, on any thread, would end the process with a code of its own.
  static StopSignals& of_process();

  // One that ends before the process does; for tests.
  StopSignals();

  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // From now on SIGHUP is a wish to reload, or to stop, and so is one that was held; without either, it ends
  // the process as it does by default.
  void listen_for_reloads();

  // Whether one has come since this was last asked.
  [[nodiscard]] bool take_reload() { return std::exchange(reload_, false); }

  // Waits, and returns early when a signal comes.
  void wait_for(std::chrono::milliseconds span);

  // The signal that asked us to stop, SIGHUP for a terminal that has gone; 0 when none has.
  [[nodiscard]] int received() const { return received_; }

 private:
  void listen();
  void hung_up();

  boost::asio::io_context context_;
  boost::asio::signal_set signals_;
  int received_ = 0;
  std::chrono::steady_clock::time_point received_at_;
  bool reload_ = false;
};

}  // namespace fleet_sim::run
