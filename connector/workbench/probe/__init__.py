"""What is only believed about Front, settled on a real sandbox channel as far as it can be seen from outside.

  command.py    from the options to the exit code: refuses, asks for the channel's name, prints, writes the profile
  trials.py     the order of the trials, and what is tidied up at the end
  trial.py      what all trials share
  messages.py, calls.py, tokens.py, uploads.py   the trials
  asking.py     one request at a time: paced, counted, repeated where Front says wait

Pure, without sending, waiting or clocks:

  choice.py     which channel and app are meant, or why not
  items.py      what is sent: marked items of one run
  beliefs.py    the list of beliefs
  findings.py   what is found out about one of them
  deciding.py   answers -> finding
  thresholds.py how far ahead or past `exp` may be: which second to ask for next, and what was learnt
  report.py, text.py, profile.py   the result: as data, for people, as a profile of the simulator
"""
