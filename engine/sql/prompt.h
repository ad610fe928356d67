// A person's end of a session: lines typed at a terminal, with history, editing and completion if built with
// libedit, otherwise as the terminal gives them. Ctrl-C stops the statement that is running, or forgets the
// line; Ctrl-D ends the session. The history is kept in a file of the home folder, for the next session.
// Main thread; takes over SIGINT while it lasts. Throws what output that cannot be written throws; anything
// else that is wrong is said, and the next line is asked for.
#pragma once

#include "sql/session.h"

namespace fleet_sim::sql {

void prompt(Session& session, const Write& notes);

}  // namespace fleet_sim::sql
