// SIGINT and SIGTERM as a question the main thread asks while it waits: has anybody asked us to stop? A
// second one while we drain ends the process at once with exit code 130, whatever state it is in, unless it
// comes within a tenth of a second: then it counts as the same request. A SIGHUP asks for a reload, if anyone
// listens for it, and stops nothing, unless it comes because the terminal that the process was started from
// was closed: then it asks us to stop, because nobody is watching anymore. A process that ignored SIGHUP from
// the beginning, as under `nohup`, and one that never had a terminal, only reload. Main thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <utility>

namespace fleet_sim::run {

// Holds back a SIGHUP until somebody listens for it, so that one that comes while a fleet is still being read
// does not end the process, and remembers whether there is a terminal to lose. Call it before other threads
// start, because they inherit this.
void hold_reloads();

class StopSignals {
 public:
  // The process's only one. It is never destroyed: that would remove the handlers, and a signal at the very
  // end, on any thread, would then end the process with its own exit code.
  static StopSignals& of_process();

  // One that ends before the process does; for tests.
  StopSignals();

  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // From now on SIGHUP is a request to reload, or to stop, and so is one that was held back. Without this
  // call and hold_reloads, it ends the process, as by default.
  void listen_for_reloads();

  // Whether one has come since this was last asked.
  [[nodiscard]] bool take_reload() { return std::exchange(reload_, false); }

  // Waits, and returns early when a signal comes.
  void wait_for(std::chrono::milliseconds span);

  // The signal that asked us to stop, SIGHUP for a closed terminal; 0 if none has.
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
