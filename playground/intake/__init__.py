"""What visitors bring: images and recorded runs, read by a process of its own with limits, since
such files may be damaged, foreign or made to do harm. `asking` starts that process (`__main__`)."""
