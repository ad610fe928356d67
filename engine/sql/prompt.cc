#include "sql/prompt.h"

#ifdef FLEET_SIM_EDITLINE
#include <histedit.h>
#endif

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace fleet_sim::sql {
namespace {

constexpr const char* first_prompt = "sql> ";
constexpr const char* next_prompt = "...> ";

// The one that a signal is meant for.
Session* at_prompt = nullptr;
volatile std::sig_atomic_t was_interrupted = 0;

void interrupt(int /*signal*/) {
  was_interrupted = 1;
  if (at_prompt != nullptr) at_prompt->stop();
}

// While it lives, Ctrl-C is for the session. Calls that wait are to return.
class Interrupts {
 public:
  explicit Interrupts(Session& session) {
    at_prompt = &session;
    struct sigaction action {};
    action.sa_handler = interrupt;
    sigaction(SIGINT, &action, &before_);
  }
  ~Interrupts() {
    sigaction(SIGINT, &before_, nullptr);
    at_prompt = nullptr;
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  struct sigaction before_ {};
};

struct Line {
  std::string text;
  bool was_interrupted = false;
};

// Of a person at a terminal: nothing at the end of input.
#ifdef FLEET_SIM_EDITLINE

class Lines {
 public:
  explicit Lines(Session& session) : session_(session) {
    history_.reset(history_init());
    editor_.reset(el_init("fleet-sim", stdin, stdout, stderr));
    if (!editor_ || !history_) throw std::runtime_error("cannot use this terminal");
    HistEvent event{};
    ::history(history_.get(), &event, H_SETSIZE, 1'000);
    ::history(history_.get(), &event, H_SETUNIQUE, 1);
    if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
      file_ = (std::filesystem::path(home) / ".fleet_sim_history").string();
    if (!file_.empty()) ::history(history_.get(), &event, H_LOAD, file_.c_str());
    el_set(editor_.get(), EL_CLIENTDATA, this);
    el_set(editor_.get(), EL_PROMPT, prompt_of);
    el_set(editor_.get(), EL_EDITOR, "emacs");
    el_set(editor_.get(), EL_HIST, ::history, history_.get());
    el_set(editor_.get(), EL_ADDFN, "complete-name", "Complete a name", complete);
    el_set(editor_.get(), EL_BIND, "^I", "complete-name", nullptr);
    el_set(editor_.get(), EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(editor_.get(), nullptr);
  }

  std::optional<Line> next(const char* prompt) {
    prompt_ = prompt;
    int count = 0;
    const char* const line = el_gets(editor_.get(), &count);
    if (line == nullptr || count <= 0) {
      if (std::exchange(was_interrupted, 0) == 0) return std::nullopt;
      el_reset(editor_.get());
      return Line{{}, true};
    }
    std::string text(line, static_cast<std::size_t>(count));
    if (text.find_first_not_of(" \n") != text.npos) remember(text);
    if (text.ends_with('\n')) text.pop_back();
    return Line{std::move(text)};
  }

 private:
  static Lines& of(EditLine* editor) {
    void* lines = nullptr;
    el_get(editor, EL_CLIENTDATA, &lines);
    return *static_cast<Lines*>(lines);
  }
  static char* prompt_of(EditLine* editor) { return const_cast<char*>(of(editor).prompt_); }

  static unsigned char complete(EditLine* editor, int /*key*/) {
    const LineInfo* const line = el_line(editor);
    const char* begin = line->cursor;
    const auto is_of_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
    };
    while (begin > line->buffer && is_of_word(begin[-1])) --begin;
    std::string begun(begin, line->cursor);
    // Of `r.temp` the part after the point; a command begins the line.
    if (const std::size_t point = begun.rfind('.');
        point != begun.npos && (point > 0 || begin != line->buffer))
      begun.erase(0, point + 1);
    const std::vector<std::string> words = of(editor).session_.completions(begun);
    if (begun.empty() || words.empty()) return CC_REFRESH_BEEP;
    std::string common = words.front();
    for (const std::string& word : words) {
      std::size_t same = 0;
      while (same < std::min(common.size(), word.size()) && common[same] == word[same]) ++same;
      common.resize(same);
    }
    if (common.size() > begun.size() || words.size() == 1) {
      el_deletestr(editor, static_cast<int>(begun.size()));
      const std::string text = words.size() == 1 ? common + ' ' : common;
      return el_insertstr(editor, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    std::fputc('\n', stdout);
    for (const std::string& word : words) std::fprintf(stdout, "%s  ", word.c_str());
    std::fputc('\n', stdout);
    return CC_REDISPLAY;
  }

  void remember(const std::string& line) {
    HistEvent event{};
    ::history(history_.get(), &event, H_ENTER, line.c_str());
    if (!file_.empty()) ::history(history_.get(), &event, H_SAVE, file_.c_str());
  }

  struct End {
    void operator()(EditLine* editor) const { el_end(editor); }
    void operator()(History* history) const { history_end(history); }
  };
  Session& session_;
  std::unique_ptr<History, End> history_;
  std::unique_ptr<EditLine, End> editor_;
  std::string file_;
  const char* prompt_ = first_prompt;
};

#else

class Lines {
 public:
  explicit Lines(Session& /*session*/) {}

  std::optional<Line> next(const char* prompt) {
    std::fputs(prompt, stdout);
    std::fflush(stdout);
    std::string line;
    int c = 0;
    while ((c = std::fgetc(stdin)) != EOF && c != '\n') line += static_cast<char>(c);
    if (c == '\n') return Line{std::move(line)};
    std::clearerr(stdin);
    std::fputc('\n', stdout);
    if (std::exchange(was_interrupted, 0) != 0) return Line{{}, true};
    return line.empty() ? std::nullopt : std::optional(Line{std::move(line)});
  }
};

#endif

}  // namespace

void prompt(Session& session, const Write& notes) {
  const Interrupts interrupts(session);
  Lines lines(session);
  notes(".help explains; Ctrl-D ends\n");
  while (!session.has_quit()) {
    const std::optional<Line> line = lines.next(session.is_waiting() ? next_prompt : first_prompt);
    if (!line) break;
    if (line->was_interrupted) {
      session.forget();
      continue;
    }
    try {
      was_interrupted = 0;
      session.take_line(line->text);
    } catch (const std::system_error&) {
      throw;
    } catch (const std::runtime_error& error) {
      notes(std::string(error.what()) + "\n");
    }
  }
  if (!session.has_quit()) notes("\n");
}

}  // namespace fleet_sim::sql
