"""What ``evaluate`` leaves behind: report, figures, model card."""
