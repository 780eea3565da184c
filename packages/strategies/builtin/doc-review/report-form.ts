/** The form of a report on a page, as reviewers write it and validators keep it. */
export const REPORT_FORM = `# Review: <title of the page>

- [ ] **1. <title of the finding>**
  Location: <heading, or the words it stands at>
  Description: <what is wrong, why it matters to a reader, what would be right>

---

- [ ] **2. <title of the next>**
  ...

Number the findings from 1, with a line of --- between two. Without findings the report has its first
line and the sentence "No findings."`;
